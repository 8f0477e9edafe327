"""How well an embedding (N, 2) keeps the neighbours that features (N, D) have."""

import sklearn.manifold
from sklearn.neighbors import KNeighborsClassifier

from latentlab.metrics.scale import moderate
from latentlab.storage.memory import Array


def trustworthiness(features: Array, embedding: Array, neighbours: int) -> float:
    """Share, in [0, 1], of neighbours in the embedding that are near in the features (Venna and Kaski 2001)."""
    (features,) = moderate(features)
    return float(sklearn.manifold.trustworthiness(features, embedding, n_neighbors=neighbours))


def knn_accuracy(embedding: Array, labels: Array, neighbours: int) -> float:
    """Share of points that the vote of the nearest other points labels rightly (leave-one-out)."""
    model = KNeighborsClassifier(neighbours).fit(embedding, labels)
    return float((model.predict(None) == labels).mean())  # None: no point is its own neighbour
