"""Stands in for a dataset: 120 images of 4x4 pixels in three classes."""

import numpy as np

from latentlab.sources.dataset import Dataset


def load() -> Dataset:
    """The same each time."""
    images = np.random.default_rng(0).integers(0, 256, (120, 4, 4, 1), np.uint8)
    return Dataset(images, np.arange(120) % 3, "random numbers", "numpy")
