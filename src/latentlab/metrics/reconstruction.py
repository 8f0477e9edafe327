"""How close reconstructions are to the originals. Both are (N, H, W, C), in [0, 1] or, the originals, uint8."""

from collections.abc import Callable

import numpy as np

from latentlab.storage.memory import Array, chunks

EPSILON = 1e-7  # keeps logarithms finite


def image_bce(images: Array, reconstructions: Array) -> Array:
    """Binary cross-entropy of each image in nats, summed over its pixels, (N,) float64."""
    return each_image(_summed_bce, images, reconstructions)


def bce(images: Array, reconstructions: Array) -> float:
    """Mean binary cross-entropy a pixel, in nats."""
    return float(image_bce(images, reconstructions).mean() / images[0].size)


def image_mse(images: Array, reconstructions: Array) -> Array:
    """Mean squared error a pixel of each image, (N,) float64."""
    return each_image(_squared_error, images, reconstructions)


def mse(images: Array, reconstructions: Array) -> float:
    """Mean squared error a pixel."""
    return float(image_mse(images, reconstructions).mean())


def psnr(images: Array, reconstructions: Array) -> float:
    """Peak signal-to-noise ratio in decibels, mean over images; an image without error counts as 100 dB."""
    errors = image_mse(images, reconstructions)  # (N,)
    return float(np.mean(-10 * np.log10(np.maximum(errors, 1e-10))))


def each_image(measure: Callable[[Array, Array], Array], images: Array, reconstructions: Array) -> Array:
    """What `measure` gives for each image, (N,); it gets some of them at a time, in [0, 1]."""
    parts = []
    for chunk in chunks(images):
        part = images[chunk]
        scaled = part / np.float32(255) if part.dtype == np.uint8 else part
        parts.append(measure(scaled, reconstructions[chunk]))
    return np.concatenate(parts)


def _summed_bce(images: Array, reconstructions: Array) -> Array:
    p = np.clip(reconstructions.astype(np.float64), EPSILON, 1 - EPSILON)
    pixels = -images * np.log(p) - (1 - images) * np.log1p(-p)  # (n, H, W, C)
    sums: Array = pixels.sum(axis=(1, 2, 3))
    return sums


def _squared_error(images: Array, reconstructions: Array) -> Array:
    means: Array = ((images.astype(np.float64) - reconstructions) ** 2).mean(axis=(1, 2, 3))
    return means
