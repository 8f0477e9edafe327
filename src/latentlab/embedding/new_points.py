"""New points in an embedding that stays as it is, whichever library has made it."""

import numpy as np
import openTSNE
from openTSNE import initialization
from openTSNE.affinity import PrecomputedAffinities, joint_probabilities_nn
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

from latentlab.embedding.by_opentsne import gradient_for
from latentlab.embedding.scale import scale_of, scaled
from latentlab.numerics.threads import limit_threads
from latentlab.storage.memory import Array

# openTSNE's own defaults for this
PERPLEXITY = 5.0
START = 25  # nearest neighbours, in whose median a point begins
STEPS = 250
DESCENT = {"learning_rate": 0.1, "exaggeration": 1.5, "momentum": 0.8, "max_grad_norm": 0.25, "max_step_norm": None}


def place(new: Array, features: Array, embedding: Array) -> Array:
    """Places (M, 2) float32 of new features (M, D) in the embedding (N, 2) of features (N, D).

    Each begins in the median of its nearest neighbours' places and follows t-SNE's gradient among the N, without regard
    to the other new points: Poličar, Stražar and Zupan 2023 (Machine Learning 112, section 3). A point on the far side
    of 1e10 times the spread of the features counts as being there. If the features are all the same, or there is one
    alone, the new points go to the first one's place.
    """
    scale = scale_of(features)
    if scale.spread == 0 or not len(new):
        return np.repeat(embedding[:1].astype(np.float32), len(new), axis=0)
    limit_threads(1)
    rows, distances = _nearest(scaled(new, scale), scaled(features, scale))  # (M, k) each
    similarities = joint_probabilities_nn(
        rows[:, : _neighbours(len(features))],
        distances[:, : _neighbours(len(features))],
        [min(PERPLEXITY, len(features) / 3)],
        symmetrize=False,
        normalization="point-wise",
        n_reference_samples=len(features),
        n_jobs=1,
    )
    middle = (embedding.max(axis=0).astype(np.float64) + embedding.min(axis=0)) / 2  # where the grid has its own
    there = openTSNE.TSNEEmbedding(embedding - middle, _nothing(len(features)), dof=1)
    start = initialization.median(embedding - middle, rows)
    placed = openTSNE.tsne.PartialTSNEEmbedding(start, there, similarities, n_jobs=1)
    placed.optimize(STEPS, inplace=True, negative_gradient_method=gradient_for(len(features)), **DESCENT)
    places: Array = np.asarray(placed) + middle
    return places.astype(np.float32)


def _nearest(new: Array, features: Array) -> tuple[Array, Array]:
    """Rows of the nearest features, and how far they are in parts of the farthest of them."""
    count = min(START, len(features))
    distances, rows = NearestNeighbors(algorithm="brute", n_jobs=1).fit(features).kneighbors(new, count)
    farthest = distances.max(axis=1, keepdims=True).astype(np.float64)
    return rows, distances / np.where(farthest > 0, farthest, 1)


def _neighbours(points: int) -> int:
    """How many attract a new point: three times the perplexity, as ever."""
    return min(points, int(3 * PERPLEXITY))


def _nothing(points: int) -> PrecomputedAffinities:
    """Similarities of the points that stay, which are not needed."""
    return PrecomputedAffinities(csr_matrix((points, points)), normalize=False)
