"""The nets that are measured: those of a study, once each."""

from pathlib import Path

from latentlab.config import params
from latentlab.config.params import Params
from latentlab.config.replicates import replicates
from latentlab.config.variants import Variant

ROOT = Path(__file__).parent.parent
KERAS_BLOG = "keras_blog"


def parameters(study: str) -> Params:
    """Those of a study in its folder. Raises `UserError` if there is none."""
    return params.load(ROOT / "studies" / study / "params.yaml")


def trained(study: str) -> list[str]:
    """Names of the variants that have epochs, of several seeds the first."""
    p = parameters(study)
    return [name for name in replicates(p.variants) if p.variant(name).trains]


VARIANTS = trained(KERAS_BLOG)


def variant(name: str, study: str = KERAS_BLOG) -> Variant:
    """The variant `name` of a study."""
    return parameters(study).variant(name)
