"""Noise on images."""

import numpy as np

from latentlab.storage.memory import Array, chunks


def scaled(images: Array) -> Array:
    """uint8 images as float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def noisy(images: Array, stddev: float, rng: np.random.Generator) -> Array:
    """uint8 images as float32 with Gaussian noise, clipped to [0, 1]."""
    result = np.empty(images.shape, np.float32)
    for chunk in chunks(images):
        clean = scaled(images[chunk])
        draws = rng.standard_normal(clean.shape, np.float32)
        result[chunk] = np.clip(clean + np.float32(stddev) * draws, 0, 1)
    return result


def at_levels(images: Array, levels: tuple[float, ...], seed: int) -> dict[float, Array]:
    """The same images with noise of each standard deviation, the same for each variant of a study."""
    return {level: noisy(images, level, np.random.default_rng([seed, LEVELS, at])) for at, level in enumerate(levels)}


LEVELS = 3  # the stream of random numbers, beside those of stage extract
