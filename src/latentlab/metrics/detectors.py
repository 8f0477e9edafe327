"""Detectors of anomalies that need no code: what a reconstruction error has to beat."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM

from latentlab.metrics.noise import scaled
from latentlab.storage.memory import Array, chunks

LEARNT = 2000  # images at most, as an SVM's time is their square; a split is in random order


def one_class_svm(normal: Array, images: Array, seed: int) -> Array:
    """How far images (n, H, W, C) uint8 lie outside of what `normal` ones (N, H, W, C) fill, (n,), by their pixels.

    A one-class SVM with a Gaussian kernel (Schoelkopf et al. 2001), of width `scale` as scikit-learn has it, that
    leaves out at most a tenth of the first 2,000 normal images: nu is 0.1, as in Ruff et al. 2018, section 4.1.
    """
    model = OneClassSVM(nu=0.1, gamma="scale").fit(_flat(normal[:LEARNT]))
    return _in_chunks(lambda rows: -model.decision_function(rows), images)


def isolation_forest(normal: Array, images: Array, seed: int) -> Array:
    """How few random cuts set images (n, H, W, C) uint8 apart from the first 2,000 `normal` ones, (n,), by pixels.

    Liu et al. 2008, with 100 trees of 256 images each, which is scikit-learn's default and what section 4 there takes.
    """
    model = IsolationForest(random_state=seed, n_jobs=1).fit(_flat(normal[:LEARNT]))
    return _in_chunks(lambda rows: -model.score_samples(rows), images)


DETECTORS: Mapping[str, Callable[[Array, Array, int], Array]] = {
    "ocsvm": one_class_svm,
    "isolation_forest": isolation_forest,
}


def _flat(images: Array) -> Array:
    return scaled(images).reshape(len(images), -1)


def _in_chunks(scores_of: Callable[[Array], Array], images: Array) -> Array:
    return np.concatenate([scores_of(_flat(images[chunk])) for chunk in chunks(images)])
