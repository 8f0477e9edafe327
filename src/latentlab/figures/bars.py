"""The main metrics of all variants side by side."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from latentlab.figures.style import COLOURS, figure


def bars(names: Sequence[str], metrics: Mapping[str, Sequence[float]], title: str) -> Figure:
    """A panel for each metric, a bar with its value for each name; metrics' names say which way is better."""
    drawing = figure(2.6 * len(metrics) + 1, 1.2 + 0.36 * len(names), title)
    panels = drawing.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, (metric, values) in zip(panels, metrics.items(), strict=True):
        drawn = axes.barh(names, values, color=COLOURS[0])
        axes.bar_label(drawn, [f"{value:.3g}" for value in values], padding=3, fontsize=8)
        axes.set_xlim(0, max(values) * 1.25)
        axes.locator_params(axis="x", nbins=4, prune="upper")
        axes.set_title(metric, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].invert_yaxis()
    return drawing
