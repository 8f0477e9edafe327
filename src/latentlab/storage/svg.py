"""SVG files of matplotlib figures, for print."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from latentlab.storage.replacing import replacing

UNSAID = {"Date": None, "Creator": None}  # which would be another one with each run and each version


def write_svg(path: Path, figure: Figure) -> None:
    """Write a matplotlib figure as SVG, the same bytes each time."""
    with replacing(path) as temporary, rc_context({"svg.hashsalt": "latentlab"}):  # parts get names by chance else
        figure.savefig(temporary, metadata=UNSAID, bbox_inches="tight")
