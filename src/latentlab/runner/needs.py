"""What a stage takes of a machine, at a guess before it runs: cores by its parameters, memory by its data."""

from pathlib import Path

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.plan import Plan
from latentlab.runner.labels import Label
from latentlab.runner.scheduler import Room

MEGABYTE = 2**20
# MB that a process had at its peak with 4 MB of prepared images, of the largest variant, and how much more for each
# byte of them, up to 56 MB; measured on quick and on full MNIST, where tsne, compare and track need hardly more
MEMORY = {
    "prepare": (270, 2.0),
    "classifier": (900, 4.0),
    "references": (260, 6.5),
    "train": (1000, 6.0),
    "extract": (1000, 4.0),
    "tsne": (220, 0.5),
    "evaluate": (260, 6.5),
    "plot": (240, 10.0),
    "compare": (110, 0.5),
    "report": (350, 8.0),
    "track": (280, 0.5),
}
OTHER = (200, 0.0)
POINT = 200  # bytes of t-SNE for each point and unit of perplexity; measured with 70,000 and 30


def room(label: Label, folder: Path) -> Room:
    """Cores and memory of a stage of the study in a folder."""
    base, factor = MEMORY.get(label.stage, OTHER)
    threads, map_size = _planned(folder / paths.plan(label.name))
    return Room(threads, int(base * MEGABYTE + factor * _prepared(folder) + POINT * map_size))


def _planned(path: Path) -> tuple[int, float]:
    """Of a stage's plan: the number of threads, 1 where it says none, and t-SNE's points times perplexity, else 0."""
    try:
        parameters = Plan.load(path).parameters
        tsne = parameters.get("tsne", {})
        return int(parameters.get("threads", 1)), float(tsne.get("points", 0) * tsne.get("perplexity", 0))
    except (UserError, TypeError, ValueError, AttributeError):
        return 1, 0.0


def _prepared(folder: Path) -> int:
    """Bytes of the prepared images."""
    files = (folder / paths.prepared(split) for split in paths.SPLITS)
    return sum(file.stat().st_size for file in files if file.exists())
