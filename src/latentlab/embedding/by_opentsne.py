"""t-SNE as openTSNE computes it: Barnes and Hut's tree, or interpolation on a grid for many points, 750 steps.

Poličar, Stražar and Zupan 2024 (J. Stat. Softw. 109(3)); Linderman et al. 2019 (Nature Methods 16) for the grid.
"""

from typing import Any, Literal

import numpy as np
import openTSNE
from openTSNE import initialization
from openTSNE.affinity import PerplexityBasedNN

from latentlab.embedding.scale import scale_of, scaled
from latentlab.numerics.threads import limit_threads
from latentlab.storage.memory import Array

Gradient = Literal["bh", "fft"]
GRID = 10_000  # points; with more the grid is the faster one


def gradient_for(points: int) -> Gradient:
    """How forces between so many points are added up: by the tree, or on the grid."""
    return "fft" if points > GRID else "bh"


def embed(features: Array, perplexity: float, seed: int, gradient: Gradient | None = None) -> tuple[Array, float]:
    """As `tsne.embed`, of features that are not all the same; `gradient` by their number if it is None.

    Neighbours are exact, which is as fast as the approximate ones and has nothing random. One thread, as the principal
    components and the divergence depend on their number.
    """
    limit_threads(1)
    features = scaled(features, scale_of(features))
    start = _start(features, seed)  # (N, 2)
    affinities = PerplexityBasedNN(features, perplexity, method="exact", n_jobs=1)
    method = gradient or gradient_for(len(features))
    model: Any = openTSNE.TSNE(negative_gradient_method=method, n_jobs=1, random_state=seed)
    embedding = model.fit(affinities=affinities, initialization=start)
    return np.asarray(embedding, np.float32), float(embedding.kl_divergence)


def _start(features: Array, seed: int) -> Array:
    """First places: the principal components, small; random ones for features of one dimension."""
    if features.shape[1] == 1:
        return initialization.random(len(features), random_state=seed)  # type: ignore[no-any-return]
    return initialization.pca(features, random_state=seed)  # type: ignore[no-any-return]
