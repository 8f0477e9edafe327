"""Stands in for `sklearn.model_selection`."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def train_test_split(index: Array, test_size: int, stratify: Array | None, random_state: int) -> tuple[Array, Array]:
    """Rows without `test_size` of them, and these."""
    shuffled = np.random.default_rng(random_state).permutation(index)
    return shuffled[test_size:], shuffled[:test_size]
