"""Whether nearest codes are of images of the same class. Train codes (N, D) are the database, test codes (n, D) ask.

Distances are Euclidean; of equally near codes the one in the lower row comes first. Labels are (N,) and (n,). Test
codes of a class that no train code has are left out; with none left there is no number, but None.
"""

import numpy as np

from latentlab.metrics import ranking
from latentlab.metrics.distances import squared_distances
from latentlab.storage.memory import Array

QUERIES = 1000


def nearest(train: Array, test: Array, count: int) -> Array:
    """Rows of the `count` nearest train codes, nearest first, (n, count); of all if there are fewer."""
    count = min(count, len(train))
    found = np.empty((len(test), count), np.intp)
    for part, distances in squared_distances(test, train):
        found[part] = ranking.nearest(distances, count)
    return found


def precision_at(train: Array, train_labels: Array, test: Array, test_labels: Array, count: int = 10) -> float | None:
    """Share, in [0, 1], of the `count` nearest train codes that have the test code's class, mean over test codes.

    Precision at k of Manning, Raghavan and Schütze 2008, section 8.4. With fewer train codes than `count`, all count.
    """
    asking = np.isin(test_labels, train_labels)
    if not asking.any():
        return None
    found = nearest(train, test[asking], count)  # (q, count)
    return float((train_labels[found] == test_labels[asking, None]).mean())


def mean_average_precision(
    train: Array, train_labels: Array, test: Array, test_labels: Array, queries: int = QUERIES
) -> float | None:
    """Average precision, in (0, 1], of the whole ranking of the train codes, mean over the first `queries` test codes.

    Manning, Raghavan and Schütze 2008, section 8.4: the precision at each code of the right class, mean over these.
    In a random order it is about the share of the class among the train codes.
    """
    asking = np.flatnonzero(np.isin(test_labels, train_labels))[:queries]
    if not len(asking):
        return None
    precisions = [
        _average_precision(row, train_labels == label)
        for part, distances in squared_distances(test[asking], train)
        for row, label in zip(distances, test_labels[asking[part]], strict=True)
    ]
    return float(np.mean(precisions))


def _average_precision(distances: Array, relevant: Array) -> float:
    places = 1 + np.flatnonzero(relevant[ranking.order(distances)])  # (R,)
    return float((np.arange(1, len(places) + 1) / places).mean())
