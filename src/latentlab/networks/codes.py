"""Codes to decode: grids over a two-dimensional latent space, and draws from the prior. Arrays only."""

import numpy as np
from scipy.special import ndtri

from latentlab.storage.memory import Array

LINEAR_SIDE, QUANTILE_SIDE, FINE_SIDE = 15, 30, 60
REACH = 3.0  # standard deviations of the prior that the linear grid spans: 99.7 %
RARE = 0.001  # the share of codes that may lie beyond an edge of the fine grid
TAIL = 0.05  # the inverse-CDF grid runs from this quantile to 1 minus it


def linear_axes(features: Array, variational: bool) -> Array:
    """Equidistant coordinates (2, 15): over ±3 of a normal prior, or over the range of `features` (N, 2)."""
    if variational:
        return np.tile(np.linspace(-REACH, REACH, LINEAR_SIDE), (2, 1))
    return np.linspace(features.min(0), features.max(0), LINEAR_SIDE).T


def quantile_axes(features: Array, variational: bool) -> Array:
    """Coordinates (2, 30) of equal probability: the normal's inverse CDF, or the quantiles of `features` (N, 2)."""
    shares = np.linspace(TAIL, 1 - TAIL, QUANTILE_SIDE)
    if variational:
        return np.tile(ndtri(shares), (2, 1))
    return np.quantile(features, shares, axis=0).T


def fine_axes(features: Array, variational: bool) -> Array:
    """Equidistant coordinates (2, 60) over nearly all `features` (N, 2), and over ±3 of a normal prior at least."""
    low, high = np.quantile(features.astype(np.float64), [RARE, 1 - RARE], axis=0)
    if variational:
        low, high = np.minimum(low, -REACH), np.maximum(high, REACH)
    apart = np.where(high > low, high, low + np.maximum(1, np.abs(low)))  # codes that are all the same are one corner
    return np.linspace(low, apart, FINE_SIDE).T


def grid(axes: Array) -> Array:
    """All pairs of coordinates (2, n) as codes (n * n, 2) float32, in rows from the top: the second falls."""
    x, y = np.meshgrid(axes[0], axes[1][::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def prior_codes(features: Array, count: int, rng: np.random.Generator) -> Array:
    """Draws (count, D) float32 from N(0, I), the prior of codes (N, D)."""
    return rng.standard_normal((count, features.shape[1])).astype(np.float32)
