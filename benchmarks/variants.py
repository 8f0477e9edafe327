"""The nets that are measured: those of the study keras_blog, once each."""

from pathlib import Path

from latentlab.config import params
from latentlab.config.replicates import replicates
from latentlab.config.variants import Variant

ROOT = Path(__file__).parent.parent
STUDY = params.load(ROOT / "studies/keras_blog/params.yaml")
VARIANTS = [name for name in replicates(STUDY.variants) if STUDY.variant(name).trains]


def variant(name: str) -> Variant:
    """The variant `name` of the study."""
    return STUDY.variant(name)
