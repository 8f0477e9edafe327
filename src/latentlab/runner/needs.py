"""What a stage takes of a machine, at a guess before it runs: cores by its parameters, memory by its data."""

from pathlib import Path

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.plan import Plan
from latentlab.runner.labels import Label
from latentlab.runner.scheduler import Room

MEGABYTE = 2**20
# MB that a process had at its peak with 4 MB of prepared images, of the largest variant, and how much more for each
# byte of them, up to 56 MB; measured on quick and on full MNIST, where tsne, plot, compare and track need hardly more
MEMORY = {
    "prepare": (270, 2.0),
    "train": (1000, 6.0),
    "extract": (1000, 4.0),
    "tsne": (220, 0.5),
    "evaluate": (260, 6.5),
    "plot": (220, 0.5),
    "compare": (110, 0.5),
    "track": (280, 0.5),
}
OTHER = (200, 0.0)


def room(label: Label, folder: Path) -> Room:
    """Cores and memory of a stage of the study in a folder."""
    base, factor = MEMORY.get(label.stage, OTHER)
    return Room(_threads(folder / paths.plan(label.name)), int(base * MEGABYTE + factor * _prepared(folder)))


def _threads(path: Path) -> int:
    """The number of threads in a stage's plan; 1 where it says none."""
    try:
        return int(Plan.load(path).parameters.get("threads", 1))
    except (UserError, TypeError, ValueError):
        return 1


def _prepared(folder: Path) -> int:
    """Bytes of the prepared images."""
    files = (folder / paths.prepared(split) for split in ("train", "validation", "test"))
    return sum(file.stat().st_size for file in files if file.exists())
