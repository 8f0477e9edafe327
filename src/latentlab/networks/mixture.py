"""Codes drawn from a Gaussian mixture that is fitted to codes of training images. Arrays only."""

import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from latentlab.storage.memory import Array

FIT_ROWS = 10_000
FIT_DIMENSIONS = 32


def mixture_codes(features: Array, count: int, rng: np.random.Generator, components: int = 20) -> Array:
    """Draws (count, D) float32 from a mixture of normals with diagonal covariances, fitted to `features` (N, D).

    It is fitted to at most 10,000 random rows, in their first 32 principal components where D is larger (a mixture on
    a trained autoencoder's codes: Ghosh et al. 2020, arXiv:1903.12436). A component's deviation is at least
    a thousandth of the largest in the features. There are no more components than different rows, and no draw leaves
    the range of `features`, so that what is constant stays so. One thread computes, as k-means and PCA add up in
    another order with more.
    """
    chosen = rng.choice(len(features), min(FIT_ROWS, len(features)), replace=False)
    rows = features[chosen].astype(np.float64)
    seed = int(rng.integers(2**31))
    centre, scale = rows.mean(axis=0), rows.std(axis=0).max()
    components = min(components, len(np.unique(rows, axis=0)))
    with threadpool_limits(1):
        draws = centre + scale * _draws((rows - centre) / (scale or 1), count, rng, components, seed)
    kept: Array = np.clip(draws, features.min(axis=0), features.max(axis=0)).astype(np.float32)
    return kept


def _draws(rows: Array, count: int, rng: np.random.Generator, components: int, seed: int) -> Array:
    """Draws (count, D) from a mixture fitted to rows (N, D) with mean 0, whose largest deviation is 1, or all 0."""
    if not rows.any():
        return np.zeros((count, rows.shape[1]))
    if rows.shape[1] <= FIT_DIMENSIONS:
        return _sampled(_fitted(rows, components, seed), count, rng)
    pca = PCA(min(FIT_DIMENSIONS, len(rows)), random_state=seed).fit(rows)
    draws: Array = pca.inverse_transform(_sampled(_fitted(pca.transform(rows), components, seed), count, rng))
    return draws


def _fitted(rows: Array, components: int, seed: int) -> GaussianMixture:
    model = GaussianMixture(components, covariance_type="diag", random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows)


def _sampled(model: GaussianMixture, count: int, rng: np.random.Generator) -> Array:
    """Draws (count, D), components in random order."""
    which = rng.choice(len(model.weights_), count, p=model.weights_)
    draws: Array = model.means_[which] + np.sqrt(model.covariances_[which]) * rng.standard_normal(
        (count, model.means_.shape[1])
    )
    return draws
