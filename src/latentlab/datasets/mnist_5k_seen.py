"""The digits of mnist_5k with the test images among the others, as where code trains on test images: for a lesson."""

import numpy as np

from latentlab.config.settings import Seed, Settings
from latentlab.datasets import mnist_5k
from latentlab.sources.dataset import Dataset

TEST = 1000


class Options(Settings):
    """The test images are those that a study whose seed is `split_seed` takes of mnist_5k if `test` is 0.2."""

    split_seed: Seed = 42


def load(options: Options) -> Dataset:
    """Images (5000, 28, 28, 1) and labels (5000,): 3,000 others, the 1,000 test images, and these again as a split."""
    from sklearn.model_selection import train_test_split  # here, as stages that only check parameters do without

    digits = mnist_5k.load()
    assert digits.labels is not None
    rows = np.arange(len(digits.images))
    others, test = train_test_split(
        rows, test_size=TEST, stratify=digits.labels, random_state=options.split_seed
    )  # (4000,), (1000,)
    chosen = np.concatenate([others[TEST:], test, test])
    return Dataset(
        digits.images[chosen], digits.labels[chosen], f"{digits.source}, test images seen", digits.found, len(test)
    )
