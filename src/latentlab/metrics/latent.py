"""What a latent space is like, and what it knows of the classes. Features are (N, D), labels (N,)."""

import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from latentlab.metrics.scale import moderate
from latentlab.storage.memory import Array

ACTIVE_VARIANCE = 0.01
PROBE_ITERATIONS = 200
WORKING_MIB = 64  # what scikit-learn may take for distances at a time


def mean_activation(features: Array) -> float:
    """Mean of all entries."""
    return float(features.mean(dtype=np.float64))


def sparsity(features: Array) -> float:
    """Share of entries that are exactly zero."""
    return float((features == 0).mean())


def active_units(features: Array) -> int:
    """Entries whose variance over the images is above 0.01 (Burda et al. 2016, arXiv:1509.00519, section 5).

    Of a variational autoencoder's `z_mean` (N, ...), or of any features.
    """
    return int((features.var(axis=0, dtype=np.float64) > ACTIVE_VARIANCE).sum())


def silhouette(features: Array, labels: Array, sample: int) -> float | None:
    """Mean silhouette of the classes, in [-1, 1], of the first `sample` rows, which are in random order.

    Rousseeuw 1987: how much nearer a row is to its own class than to the next one. A row that is alone in its class
    counts as 0, as do rows that are all equal. None for one class alone, or as many classes as rows.
    """
    features, labels = features[:sample], labels[:sample]
    if not 1 < len(np.unique(labels)) < len(labels):
        return None
    (features,) = moderate(features)
    centred = features - np.median(features.astype(np.float64), axis=0)  # exactly 0 for rows that are all equal
    with sklearn.config_context(working_memory=WORKING_MIB):
        return float(silhouette_score(centred, labels))


def knn_accuracy(train: Array, train_labels: Array, test: Array, test_labels: Array, neighbours: int) -> float:
    """Share of `test` that the vote of the nearest `train` features labels rightly."""
    train, test = moderate(train, test)
    return float(KNeighborsClassifier(neighbours).fit(train, train_labels).score(test, test_labels))


def linear_probe_accuracy(train: Array, train_labels: Array, test: Array, test_labels: Array) -> float:
    """Accuracy on `test` of logistic regression on standardised `train` features (Alain and Bengio 2016).

    It stops after 200 iterations, converged or not. Where there is one class alone, that is the answer.
    """
    if len(classes := np.unique(train_labels)) == 1:
        return float((test_labels == classes[0]).mean())
    train, test = moderate(train, test)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=PROBE_ITERATIONS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(train, train_labels)
    return float(probe.score(test, test_labels))
