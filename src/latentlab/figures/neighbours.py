"""Images beside those whose codes are nearest."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from latentlab.figures.images import GAP, show, tiled
from latentlab.figures.style import COLOURS, bare, figure, plain
from latentlab.storage.memory import Array

LONGER = 0.62  # inches of an image's longer side
LINE = 2.5  # points, of a frame
APART = 4  # more white pixels between a query and what was found


def neighbours(queries: Array, found: Array, wrong: Array | None, names: Sequence[str] | None, title: str) -> Figure:
    """A row for each query (q, H, W, C) with the images found for it (q, k, H, W, C), nearest first, all in [0, 1].

    Those that are `wrong` (q, k) have a frame; `names` (q,) stand before the rows. Either is None without labels.
    """
    count, (height, width) = found.shape[1], queries.shape[1:3]
    inches = LONGER / max(height, width)  # a pixel
    drawing = figure(1.4 + inches * width * (count + 1.2), 0.9 + inches * height * len(queries), title)
    axes = bare(drawing.subplots())
    asked = tiled(queries[:, None])  # (rows, W, C)
    between = np.ones((len(asked), GAP + APART, asked.shape[2]))
    show(axes, np.concatenate([asked, between, tiled(found)], axis=1))
    lefts = [0, *(width + APART + GAP + np.arange(count) * (width + GAP))]
    tops = np.arange(len(queries)) * (height + GAP)
    axes.xaxis.tick_top()
    axes.set_xticks(np.array(lefts) + (width - 1) / 2, ["query", *(str(place) for place in range(1, count + 1))])
    if names is not None:
        axes.set_yticks(tops + (height - 1) / 2, [plain(name) for name in names])
    axes.tick_params(length=0)
    within = LINE / 144 / inches  # pixels from an image's edge to the middle of a line that ends there
    for row, column in [] if wrong is None else np.argwhere(wrong):
        corner = lefts[column + 1] - 0.5 + within, tops[row] - 0.5 + within
        sides = width - 2 * within, height - 2 * within
        axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=COLOURS[2], linewidth=LINE))
    return drawing
