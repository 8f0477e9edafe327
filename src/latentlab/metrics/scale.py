"""Numbers that float32 can square."""

import numpy as np

from latentlab.storage.memory import Array

SMALLEST, LARGEST = 1e-10, 1e10


def moderate(*features: Array) -> tuple[Array, ...]:
    """Features (n, D) as they are, or all divided by their largest entry if its square is too large or too small.

    Neighbours, standardised features and t-SNE are the same with either.
    """
    largest = max(float(max(each.max(initial=0), -each.min(initial=0))) for each in features)
    if largest == 0 or SMALLEST <= largest <= LARGEST:
        return features
    return tuple((each / np.float64(largest)).astype(np.float32) for each in features)
