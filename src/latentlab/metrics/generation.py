"""How like real images generated ones are, and whether they are copies. Features are (n, D) float32, n at least 1."""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.metrics import pairwise_distances_argmin

from latentlab.storage.memory import CHUNK_PIXELS, Array, chunks

ROUNDING = 1e-12  # of a squared distance: what products of float64 rows may be wrong by


def frechet_distance(real: Array, generated: Array) -> float:
    """Squared distance of the normal distributions with the means and covariances of two sets of features, at least 0.

    |m - n|^2 + tr(A + B - 2 (A B)^(1/2)), in squared units of the features: the squared Wasserstein-2 distance (Dowson
    and Landau 1982), used for images by Heusel et al. 2017 (arXiv:1706.08500), of Inception's features there. It falls
    with the number of rows: compare equal numbers alone. One row has the covariance zero.

    The trace is the least |P - Q R|^2 over orthogonal R, where A = P P' and B = Q Q' (Bhatia et al. 2019,
    arXiv:1712.01504): no difference of large numbers, no root of a matrix that may be singular.
    """
    (mean, root), (other_mean, other_root) = _normal(real), _normal(generated)
    rotation, _ = orthogonal_procrustes(other_root, root)  # (D, D)
    return float(((mean - other_mean) ** 2).sum() + ((root - other_root @ rotation) ** 2).sum())


def _normal(features: Array) -> tuple[Array, Array]:
    """Mean (D,) of features (n, D), and a root P (D, D) of their covariance P P'."""
    mean = features.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for chunk in chunks(features):
        centred = features[chunk] - mean  # (n, D)
        covariance += centred.T @ centred
    variances, directions = np.linalg.eigh(covariance / max(1, len(features) - 1))
    rounding = len(mean) * np.finfo(np.float64).eps * variances[-1]  # its root would not be small
    return mean, directions * np.sqrt(np.where(variances > rounding, variances, 0))


def prdc(real: Array, generated: Array, neighbours: int = 5) -> dict[str, float]:
    """How two sets of features cover each other, by balls around rows that reach to the row's k-th nearest neighbour.

    `precision`: share of generated rows in a ball of a real one. `recall`: share of real rows in a ball of a generated
    one (Kynkaanniemi et al. 2019, arXiv:1904.06991). `density`: real balls that a generated row lies in, mean, divided
    by k; not bounded by 1. `coverage`: share of real balls with a generated row inside (Naeem et al. 2020,
    arXiv:2002.09797).

    A row on a ball's border, up to rounding, is inside, so that equal rows are inside of each other's balls. In a set
    of at most `neighbours` rows k is the number of the other rows; the ball of a single row is that point, and k is 1.
    """
    centre = np.median(real.astype(np.float64), axis=0)  # near most rows whatever the others: less is lost in products
    real, generated = real - centre, generated - centre
    real_radii, generated_radii = _squared_radii(real, neighbours), _squared_radii(generated, neighbours)
    in_real = np.zeros(len(generated), bool)
    in_generated, balls_around, balls_filled = 0, 0, 0
    for rows in _blocks(len(real), len(generated)):
        squared = _squared_distances(real[rows], generated)  # (n, M)
        inside = squared <= real_radii[rows, None]
        in_real |= inside.any(axis=0)
        balls_around += int(inside.sum())
        balls_filled += int(inside.any(axis=1).sum())
        in_generated += int((squared <= generated_radii).any(axis=1).sum())
    return {
        "precision": float(in_real.mean()),
        "recall": in_generated / len(real),
        "density": balls_around / (max(1, _rank(real, neighbours)) * len(generated)),
        "coverage": balls_filled / len(real),
    }


def _squared_radii(features: Array, neighbours: int) -> Array:
    """Squared distance (n,) of each row (n, D) to its k-th nearest other row, made larger by its rounding."""
    rank = _rank(features, neighbours)
    parts = []
    for rows in _blocks(len(features), len(features)):
        squared = _squared_distances(features[rows], features)
        squared.partition(rank, axis=1)  # the row itself is the first
        parts.append(squared[:, rank].copy())
    radii: Array = np.maximum(np.concatenate(parts), 0)
    radii += ROUNDING * (radii + _squared_norms(features))
    return radii


def _rank(features: Array, neighbours: int) -> int:
    return min(neighbours, len(features) - 1)


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of a matrix (rows, columns), so that a block of it is as large as a chunk of images."""
    count = max(1, CHUNK_PIXELS // columns)
    return (slice(start, start + count) for start in range(0, rows, count))


def _squared_distances(rows: Array, others: Array) -> Array:
    """Squared distances (n, m) of float64 rows (n, D) and (m, D), by one product."""
    squared: Array = rows @ others.T
    squared *= -2
    squared += _squared_norms(rows)[:, None]
    squared += _squared_norms(others)
    return squared


def _squared_norms(rows: Array) -> Array:
    norms: Array = np.einsum("ij,ij->i", rows, rows)
    return norms


def copying(train: Array, test: Array, generated: Array) -> dict[str, float | None]:
    """Whether generated images are nearer to training images than images are that the model never saw.

    `nearest_distance` and `test_nearest_distance` are the medians of `nearest_distance` of generated and of real test
    images; `copy_ratio` is the first divided by the second: 0 for copies, 1 for images as new as real ones. Blurred
    images are near to many, so a ratio below 1 is a reason to look at the pairs and no proof. It is None where the
    median test image is itself among the training images.
    """
    ours, theirs = (float(np.median(nearest_distance(train, images))) for images in (generated, test))
    ratio = ours / theirs if theirs > 0 else None
    return {"nearest_distance": ours, "test_nearest_distance": theirs, "copy_ratio": ratio}


def nearest_distance(train: Array, images: Array) -> Array:
    """Root mean squared pixel difference of each image (m, H, W, C) to the nearest of `train`, (m,) float64 in [0, 1].

    All images are uint8 or floats in [0, 1]. A copy's distance is exactly 0.
    """
    seen = _pixels(train)  # (n, P)
    parts = []
    for chunk in chunks(images):
        pixels = _pixels(images[chunk])  # (m, P)
        nearest = seen[pairwise_distances_argmin(pixels, seen)]
        parts.append(np.sqrt(np.mean((pixels.astype(np.float64) - nearest) ** 2, axis=1)))
    return np.concatenate(parts)


def _pixels(images: Array) -> Array:
    """Images as rows of float32 in [0, 1]."""
    flat = images.reshape(len(images), -1)
    return flat / np.float32(255) if flat.dtype == np.uint8 else flat.astype(np.float32, copy=False)
