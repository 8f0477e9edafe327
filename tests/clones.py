"""Clones whose stages take moments: those that need numpy alone, or only sketch their pictures."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT

SOURCE = Path("src/latentlab")
STANDINS = ROOT / "tests/standins"
SKETCHES = {
    "report": "stages/report",
    "sketch": "storage/svg",
    **{
        f"sketch/{name}": f"figures/{name}"
        for name in ("bars", "denoising", "images", "losses", "neighbours", "roc", "scatter", "style")
    },
}
COPIES = {
    **SKETCHES,
    "note": "pipeline/note",
    "split": "sources/split",
    "dataset": "datasets/standin",
    "architecture": "models/standin",
    "classifier": "stages/classifier",
    "references": "stages/references",
    "extract": "stages/extract",
    "tsne": "stages/tsne",
    "evaluate": "stages/evaluate",
    "level": "metrics/level",
}
# what stages would be forked with
LARGE = re.compile(r" +import_tensorflow\(\)\n|\"(scipy|skimage|sklearn)\.\w+\",? ?")
STUDY = """# for histories of commands
study: histories
seed: 1
threads: 1
precision: float32
prepare: {dataset: standin, validation: 0.1, test: 0.2}
extract: {splits: [train, test]}
tsne: {perplexity: 5, points: 20}
evaluate: {neighbours: 3}
variants:
  one: {model: standin, epochs: 2, batch_size: 8}
"""
SECOND = "  two: {model: standin, epochs: 3, batch_size: 8}\n"


def put_sketches() -> None:
    """Replace all figures, and the page, in the clone in the current folder."""
    _copy(SKETCHES)


def _copy(copies: Mapping[str, str]) -> None:
    for source, target in copies.items():
        shutil.copy(STANDINS / f"{source.partition('/')[0]}.py", SOURCE / f"{target}.py")


def put_standins() -> None:
    """Replace what needs large libraries in the clone in the current folder, and its study."""
    _copy(COPIES)
    prepare, train = SOURCE / "stages/prepare.py", SOURCE / "stages/train.py"
    prepare.write_text(prepare.read_text().replace("from sklearn.model_selection", "from latentlab.sources.split"))
    head, _, rest = train.read_text().partition("def _train(")
    tail = rest[rest.index("def _checkpoint(") :]
    standin = (STANDINS / "training.py").read_text()
    train.write_text(f"{head}{standin[standin.index('def _train(') :]}\n\n{tail}")
    zygote = SOURCE / "runner/zygote.py"
    zygote.write_text(LARGE.sub("", zygote.read_text()))
    Path("params.yaml").write_text(STUDY)
