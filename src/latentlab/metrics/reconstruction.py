"""How close reconstructions are to the originals; both (N, H, W, C) in [0, 1]."""

import numpy as np
from skimage.metrics import structural_similarity

from latentlab.artifacts import Array

EPSILON = 1e-7  # keeps logarithms finite


def pixel_bce(images: Array, reconstructions: Array) -> Array:
    """Binary cross-entropy of each pixel in nats, (N, H, W, C) float64."""
    p = np.clip(reconstructions.astype(np.float64), EPSILON, 1 - EPSILON)
    bce: Array = -images * np.log(p) - (1 - images) * np.log1p(-p)
    return bce


def bce(images: Array, reconstructions: Array) -> float:
    """Mean binary cross-entropy a pixel, in nats."""
    return float(pixel_bce(images, reconstructions).mean())


def mse(images: Array, reconstructions: Array) -> float:
    """Mean squared error a pixel."""
    return float(_squared_errors(images, reconstructions).mean())


def psnr(images: Array, reconstructions: Array) -> float:
    """Peak signal-to-noise ratio in decibels, mean over images; an image without error counts as 100 dB."""
    errors = _squared_errors(images, reconstructions).mean(axis=(1, 2, 3))  # (N,)
    return float(np.mean(-10 * np.log10(np.maximum(errors, 1e-10))))


def ssim(images: Array, reconstructions: Array) -> float:
    """Structural similarity (Wang et al. 2004), mean over images; the window has 7 pixels, fewer in tiny images."""
    side = min(7, *images.shape[1:3])
    window = side if side % 2 else side - 1
    values = [
        structural_similarity(one, other, win_size=window, data_range=1.0, channel_axis=-1)
        for one, other in zip(images, reconstructions, strict=True)
    ]
    return float(np.mean(values))


def _squared_errors(images: Array, reconstructions: Array) -> Array:
    return (images.astype(np.float64) - reconstructions) ** 2
