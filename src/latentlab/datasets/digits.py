"""scikit-learn's 1,797 handwritten digits of 8x8 pixels. They come inside the package: no download."""

import numpy as np

from latentlab.sources.dataset import Dataset

WHITE = 16


def load() -> Dataset:
    """Images (1797, 8, 8, 1) and labels (1797,)."""
    from sklearn.datasets import load_digits  # takes a second, which stages that only check parameters save

    digits = load_digits()
    images = np.rint(digits.images[..., None] * (255 / WHITE)).astype(np.uint8)  # (1797, 8, 8, 1)
    source = "scikit-learn's load_digits: the test set of UCI's Optical Recognition of Handwritten Digits"
    return Dataset(images, digits.target, source, found="the package scikit-learn")
