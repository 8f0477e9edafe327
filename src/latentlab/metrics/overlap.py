"""Which points of a space are near to each other, and whether they are in another space of the same images, too."""

import numpy as np

from latentlab.metrics import ranking
from latentlab.metrics.distances import distances_to_others
from latentlab.storage.memory import Array


def nearest_others(points: Array, count: int) -> Array:
    """Rows of the `count` points (N, D) that are nearest to each one, but for itself, nearest first, (N, count).

    Distances are Euclidean; of equally near ones that in the lower row comes first. All if there are fewer.
    """
    count = max(0, min(count, len(points) - 1))
    found = np.empty((len(points), count), np.intp)
    for part, distances in distances_to_others(points):
        found[part] = ranking.nearest(distances, count)
    return found


def kept(neighbours: Array, others: Array) -> Array:
    """Which share of each point's neighbours (N, k) in one space are among those (N, k) in another, (N,) in [0, 1]."""
    return np.asarray((neighbours[:, :, None] == others[:, None, :]).any(axis=2).mean(axis=1))
