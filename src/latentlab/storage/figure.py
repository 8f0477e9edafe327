"""PNG files of matplotlib figures."""

from pathlib import Path

from matplotlib.figure import Figure

from latentlab.storage.replacing import replacing


def write_figure(path: Path, figure: Figure) -> None:
    """Write a matplotlib figure as PNG, without the library's version in it."""
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None}, bbox_inches="tight")
