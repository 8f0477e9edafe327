"""What all figures share: size, resolution, colours that a colour-blind reader can tell apart."""

from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.rcdefaults()  # a matplotlibrc of the user's must not change pictures
DPI = 110
COLOURS = matplotlib.color_sequences["petroff10"]  # Petroff 2021, arXiv:2107.02270
MARKERS = "osD^vP<X>*"


def look(number: int) -> dict[str, Any]:
    """Colour and marker of the class or the variant of this number; a hundred numbers all look different."""
    marker = MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]
    return {"color": COLOURS[number % len(COLOURS)], "marker": marker}


def figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of this size in inches."""
    empty = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    empty.suptitle(title, fontsize=11)
    return empty


def captioned(drawing: Figure, text: str) -> Figure:
    """The figure with a line below it that says what its numbers are of."""
    drawing.supxlabel(plain(text), fontsize=8, color="0.35", x=0.01, ha="left")
    return drawing


def plain(text: str) -> str:
    """Text that matplotlib shows as it is: no formula between dollars, no legend entry hidden by an underscore."""
    return text.replace("$", r"\$") if text[:1] != "_" else plain(f" {text}")


def bare(axes: Axes) -> Axes:
    """Axes without ticks and frame, for images."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes
