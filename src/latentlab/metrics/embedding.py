"""How well an embedding (N, 2) keeps the neighbours that features (N, D) have.

Of equally near points the one in the lower row comes first; in a random order of rows that is a fair draw.
"""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from latentlab.metrics import ranking
from latentlab.metrics.distances import distances_to_others
from latentlab.storage.memory import Array


def trustworthiness(features: Array, embedding: Array, neighbours: int) -> float:
    """Whether neighbours in the embedding are near in the features, in [0, 1] (Venna and Kaski 2001, M1).

    Raises `ValueError` unless there are more than twice as many points as neighbours.
    """
    return _kept(features, embedding, neighbours)


def continuity(features: Array, embedding: Array, neighbours: int) -> float:
    """Whether neighbours in the features are near in the embedding, in [0, 1] (Venna and Kaski 2001, M2).

    It is trustworthiness with the spaces swapped, and raises likewise.
    """
    return _kept(embedding, features, neighbours)


def neighbourhood_hit(embedding: Array, labels: Array, neighbours: int) -> float:
    """Share, in [0, 1], of a point's nearest others that have its label, mean over points (Paulovich et al. 2008).

    Raises `ValueError` unless there are more points than neighbours.
    """
    if neighbours >= len(embedding):
        raise ValueError(f"{len(embedding)} points have no {neighbours} neighbours each")
    hits = 0
    for part, distances in distances_to_others(embedding):
        found = ranking.nearest(distances, neighbours)  # (q, neighbours)
        hits += int((labels[found] == labels[part, None]).sum())
    return hits / (len(embedding) * neighbours)


def knn_accuracy(embedding: Array, labels: Array, neighbours: int) -> float:
    """Share of points that the vote of the nearest other points labels rightly (leave-one-out)."""
    model = KNeighborsClassifier(neighbours).fit(embedding, labels)
    return float((model.predict(None) == labels).mean())  # None: no point is its own neighbour


def _kept(space: Array, other: Array, neighbours: int) -> float:
    """1 for nearest neighbours in `other` that are so in `space`, less by how far down its ranking they stand.

    The same as scikit-learn's, which holds arrays (N, N): 2.3 GB for 10,000 points.
    """
    n, k = len(space), neighbours
    if 2 * k >= n:
        raise ValueError(f"{n} points are too few for {k} neighbours")
    beyond = 0
    for (_, distances), (_, others) in zip(distances_to_others(space), distances_to_others(other), strict=True):
        ranks = ranking.ranks(distances, ranking.nearest(others, k))  # (q, k)
        beyond += int(np.maximum(ranks - k, 0).sum())
    return 1 - 2 * beyond / (n * k * (2 * n - 3 * k - 1))
