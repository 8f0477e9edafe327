"""Points in the plane, coloured by class."""

import numpy as np
from matplotlib.figure import Figure

from latentlab.artifacts import Array
from latentlab.figures.style import COLOURS, MARKERS, figure


def scatter(points: Array, labels: Array, title: str, x: str, y: str) -> Figure:
    """Points (N, 2) with a colour, a marker and a legend entry for each class in `labels` (N,)."""
    drawing = figure(7, 6, title)
    axes = drawing.subplots()
    for number, label in enumerate(np.unique(labels)):
        chosen = points[labels == label]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=20,
            alpha=0.8,
            linewidths=0.3,
            edgecolors="0.2",
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[(number + number // len(COLOURS)) % len(MARKERS)],
            label=str(label),
        )
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.2)
    drawing.legend(title="class", loc="outside right upper", markerscale=1.6)
    return drawing
