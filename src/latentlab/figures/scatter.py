"""Points in the plane, coloured by class."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from latentlab.figures.style import figure, look, plain
from latentlab.storage.memory import Array

LEGEND = 25  # classes in a column of it


def scatter(points: Array, classes: Mapping[str, Array] | None, title: str, x: str, y: str) -> Figure:
    """Points (N, 2) with a colour, a marker and a legend entry for each class, a name and its rows; or without."""
    drawing = figure(7, 6, title)
    axes = drawing.subplots()
    groups = {"": np.arange(len(points))} if classes is None else classes
    for number, (name, rows) in enumerate(groups.items()):
        axes.scatter(
            points[rows, 0],
            points[rows, 1],
            s=20,
            alpha=0.8,
            linewidths=0.3,
            edgecolors="0.2",
            **look(number),
            label=plain(name),
        )
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.2)
    if classes:
        columns = -(-len(classes) // LEGEND)
        drawing.legend(title="class", loc="outside right upper", markerscale=1.6, ncols=columns)
    return drawing
