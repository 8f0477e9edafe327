"""Images in rows and in grids."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentlab.figures.style import bare, figure, plain
from latentlab.storage.memory import Array

GAP = 2  # white pixels between images


def rows(images: Mapping[str, Array], title: str) -> Figure:
    """A labelled row for each entry; each holds the same number of images (n, H, W, C) in [0, 1]."""
    count = len(next(iter(images.values())))
    drawing = figure(1.6 + 0.75 * count, 0.4 + 0.78 * len(images), title)
    for axes, (label, row) in zip(drawing.subplots(len(images), 1, squeeze=False)[:, 0], images.items(), strict=True):
        show(bare(axes), tiled(row[None]))
        axes.set_ylabel(plain(label), rotation=0, ha="right", va="center")
    return drawing


def grid(images: Array, title: str, axes_values: Array | None = None) -> Figure:
    """Images (rows, columns, H, W, C) as one; `axes_values` (2, n) labels the latent coordinates, top row highest."""
    drawing = figure(7, 7.4, title)
    axes = drawing.subplots()
    height, width = (side + GAP for side in images.shape[2:4])
    show(bare(axes), tiled(images))
    if axes_values is not None:
        shown = np.linspace(0, axes_values.shape[1] - 1, 7).round().astype(int)
        axes.set_xticks(shown * width + width / 2, [f"{axes_values[0][i]:.2f}" for i in shown])
        axes.set_yticks(shown * height + height / 2, [f"{axes_values[1][::-1][i]:.2f}" for i in shown])
        axes.set(xlabel="first latent dimension", ylabel="second latent dimension")
    return drawing


def codes(inputs: Array, features: Array, latent_shape: Sequence[int], title: str) -> Figure:
    """Each code (n, D) as an image under its input (n, H, W, C), on one colour scale."""
    panels = [code_image(code, latent_shape) for code in features]
    drawing = figure(1.4 + 0.85 * len(panels), 2.0 + min(2.4, 0.85 * panels[0].shape[0] / panels[0].shape[1]), title)
    ratio = panels[0].shape[0] / panels[0].shape[1]
    axes = drawing.subplots(2, len(panels), squeeze=False, height_ratios=[1, max(ratio, 0.3)])
    for column, (image, panel) in enumerate(zip(inputs, panels, strict=True)):
        show(bare(axes[0, column]), image)
        drawn = bare(axes[1, column]).imshow(panel, cmap="cividis", vmin=features.min(), vmax=features.max())
    axes[0, 0].set_ylabel("input", rotation=0, ha="right", va="center")
    axes[1, 0].set_ylabel("code", rotation=0, ha="right", va="center")
    drawing.colorbar(drawn, ax=axes, label="activation", shrink=0.8)
    return drawing


def code_image(code: Array, latent_shape: Sequence[int]) -> Array:
    """A flat code (D,) as a picture: its entries, or its maps (h, w, c), in a grid as near to a square as c allows."""
    height, width, count = latent_shape if len(latent_shape) == 3 else (1, 1, len(code))
    down = max(side for side in range(1, int(count**0.5) + 1) if count % side == 0)
    maps = code.reshape(height, width, down, count // down)
    return maps.transpose(2, 0, 3, 1).reshape(down * height, -1)


def tiled(images: Array) -> Array:
    """Images (rows, columns, H, W, C) side by side with white gaps, (height, width, C)."""
    padded = np.pad(images, [(0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)], constant_values=1.0)
    joined = padded.transpose(0, 2, 1, 3, 4)  # (rows, H, columns, W, C)
    return joined.reshape(joined.shape[0] * joined.shape[1], -1, images.shape[-1])[:-GAP, :-GAP]


def show(axes: Axes, image: Array) -> None:
    """One image (H, W, C): colour where it has three channels, else grey, the mean of its channels."""
    if image.shape[2] != 3:
        image = image.mean(axis=2)
    axes.imshow(np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
