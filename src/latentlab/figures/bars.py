"""The main metrics of all variants side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from latentlab.figures.style import figure, look


def bars(names: Sequence[str], panels: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str) -> Figure:
    """A panel for each metric, which says which way is better, with a bar for each name; no bar for NaN.

    Panels hold values and standard deviations, 0 if there is none.
    """
    drawing = figure(2.6 * len(panels) + 1, 1.2 + 0.36 * len(names), title)
    colours = [look(number)["color"] for number in range(len(names))]
    columns = drawing.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (metric, both) in zip(columns, panels.items(), strict=True):
        values, deviations = np.array(both)  # (names,) each
        errors = np.where(deviations > 0, deviations, np.nan)
        drawn = axes.barh(names, np.nan_to_num(values), xerr=errors, color=colours)
        axes.bar_label(drawn, ["" if np.isnan(value) else f"{value:.3g}" for value in values], padding=3, fontsize=8)
        axes.set_xlim(0, float(np.nanmax(values + deviations)) * 1.25)
        axes.locator_params(axis="x", nbins=4, prune="upper")
        axes.set_title(metric, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    columns[0].invert_yaxis()
    return drawing
