"""How alike two codes of the same images are: centred kernel alignment."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from latentlab.storage.memory import Array

FEWEST = 4  # images, of which the estimate is defined


def debiased_cka(codes: Sequence[Array]) -> Array:
    """Linear centred kernel alignment of each pair of codes (N, D), (N, E), ... of the same images: (V, V) float64.

    Kornblith et al. 2019 (arXiv:1905.00414) with the unbiased estimate of HSIC of Song et al. 2012 (equation 5), so
    that codes that have nothing to do with each other come to 0 on average, whatever their dimensions. It is worked out
    from products of features: kernels of ten thousand images would not fit. 1 for a code and itself; NaN for one that
    does not vary, and for fewer than four images.
    """
    found = np.full((len(codes), len(codes)), np.nan)
    if not codes or len(codes[0]) < FEWEST:
        return found
    centred = [_centred(code) for code in codes]
    own = np.array([_hsic(code, code) for code in centred])
    varies = own > 0
    found[np.diag_indices(len(codes))] = np.where(varies, 1.0, np.nan)
    for one, other in combinations(np.flatnonzero(varies), 2):
        found[one, other] = _hsic(centred[one], centred[other]) / np.sqrt(own[one] * own[other])
        found[other, one] = found[one, other]
    return found


def _centred(code: Array) -> Array:
    """In float64 with a largest magnitude of 1: neither where a code lies nor its scale counts."""
    code = code.astype(np.float64)
    code -= code.mean(axis=0)
    largest = np.abs(code).max(initial=0)
    return np.asarray(code / largest if largest > 0 else code)


def _hsic(x: Array, y: Array) -> float:
    """The unbiased estimate, but for a factor of the number of images, from features (n, D) and (n, E)."""
    n = len(x)
    a, b = (np.einsum("nd,nd->n", part, part) for part in (x, y))  # diagonals of the kernels, which do not count
    trace = np.square(x.T @ y).sum() - a @ b
    r, s = x @ x.sum(axis=0) - a, y @ y.sum(axis=0) - b  # sums of the kernels' rows, (n,)
    return float(trace + r.sum() * s.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (r @ s))
