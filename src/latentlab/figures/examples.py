"""Which images a picture shows."""

import numpy as np

from latentlab.storage.memory import Array

SHOWN = 10  # images side by side


def shown(arrays: dict[str, Array], count: int) -> Array:
    """Rows of `count` images (fewer if there are fewer) of a split, from all classes if it has `labels`."""
    if "labels" in arrays:
        return one_of_each_class(arrays["labels"], count)
    return np.arange(min(count, len(arrays["images"])))


def one_of_each_class(labels: Array, count: int) -> Array:
    """Rows of `count` images (fewer if there are fewer), class after class: the first of each, the second of each."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], labels[order])  # where each one's class begins
    turn = np.arange(len(labels)) - first  # 0 for the first of its class, 1 for the second
    return order[np.lexsort((labels[order], turn))][:count]
