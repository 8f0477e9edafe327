"""A metric over a setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from latentlab.figures.style import figure, look, plain

WIDE = 20.0  # times the smallest number from which on a logarithmic axis shows more


def sweep(across: str, lines: Mapping[str, Sequence[tuple[Any, float, float]]], metric: str, title: str) -> Figure:
    """A line with bars of deviation for each entry of `lines`: values of the setting, with mean and deviation there.

    A setting whose values are no numbers has them side by side.
    """
    drawing = figure(5.4, 3.8, title)
    axes = drawing.subplots()
    for number, (label, points) in enumerate(lines.items()):
        values, means, deviations = zip(*points, strict=True)
        style = look(number)
        axes.errorbar(values, means, deviations, **style, linestyle="-", capsize=3, label=plain(label))
    numbers = sorted({point[0] for points in lines.values() for point in points if not isinstance(point[0], str)})
    if len(numbers) > 2 and numbers[0] > 0 and numbers[-1] / numbers[0] >= WIDE:
        axes.set_xscale("log")
    if numbers and len(numbers) <= 8:
        axes.set_xticks(numbers, [f"{each:g}" for each in numbers])
        axes.minorticks_off()
    axes.set(xlabel=plain(across), ylabel=plain(metric))
    axes.grid(alpha=0.3)
    if len(lines) > 1:
        axes.legend(fontsize=8)
    return drawing
