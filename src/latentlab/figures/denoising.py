"""What noise of several levels leaves, and what is left once it is removed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentlab.figures.style import figure, look, plain
from latentlab.storage.memory import Array

NOISY = "noisy input"


def denoising(
    levels: Sequence[float],
    variants: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    noisy: Mapping[str, Sequence[float]],
    references: Mapping[str, Sequence[float]],
    title: str,
) -> Figure:
    """PSNR in decibels over the `levels` (L,) of the noise: for each variant, of its noisy images, of other filters.

    Variants hold means and standard deviations, 0 if there is none; no line for NaN. Colour and marker go by its
    place. Where variants have the same images, one line shows what these were when noisy.
    """
    drawing = figure(8, 5, title)
    axes = drawing.subplots()
    order = np.argsort(levels)
    x = np.array(levels)[order]
    for number, (name, both) in enumerate(variants.items()):
        values, deviations = np.array(both)[:, order]  # (L,) each
        if not np.isnan(values).all():
            axes.plot(x, values, **look(number), markersize=5, label=plain(name))
            if deviations.any():
                axes.errorbar(x, values, deviations, fmt="none", ecolor=look(number)["color"], capsize=2)
    for style, (name, line) in zip((":", "-."), references.items(), strict=False):
        axes.plot(x, np.array(line)[order], style, color="0.1", label=plain(name))
    _noisy(axes, x, {name: np.array(line)[order] for name, line in noisy.items()}, list(variants))
    axes.set(xlabel="standard deviation of the noise", ylabel="PSNR (dB)")
    axes.set_xticks(x, [f"{level:g}" for level in x])
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))  # beside the axes: outside of all it would cover the title
    return drawing


def _noisy(axes: Axes, x: Array, lines: Mapping[str, Array], variants: list[str]) -> None:
    there = {name: line for name, line in lines.items() if not np.isnan(line).all()}
    if len({tuple(line) for line in there.values()}) == 1:
        axes.plot(x, next(iter(there.values())), "--", color="0.5", label=NOISY)
        return
    for name, line in there.items():
        axes.plot(x, line, "--", color=look(variants.index(name))["color"], linewidth=0.8)
    if there:
        axes.plot([], [], "--", color="0.5", linewidth=0.8, label=f"{NOISY}, in its variant's colour")
