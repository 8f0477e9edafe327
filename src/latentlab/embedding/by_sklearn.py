"""t-SNE as scikit-learn computes it: Barnes and Hut's tree, 1,000 steps."""

from typing import Any

import numpy as np
from sklearn.manifold import TSNE

from latentlab.embedding.scale import scale_of
from latentlab.metrics.scale import LARGEST, SMALLEST
from latentlab.numerics.threads import limit_threads
from latentlab.storage.memory import Array


def embed(features: Array, perplexity: float, seed: int) -> tuple[Array, float]:
    """As `tsne.embed`, of features that are not all the same.

    Always on one thread: scikit-learn adds up gradients of several threads in no fixed order.
    """
    limit_threads(1)
    spread = scale_of(features).spread
    if not SMALLEST <= spread <= LARGEST:  # the principal components would not be numbers, which t-SNE does not survive
        features = ((features - features.min(axis=0).astype(np.float64)) / spread).astype(np.float32)
    start = "pca" if features.shape[1] > 1 else "random"
    model: Any = TSNE(perplexity=perplexity, init=start, learning_rate="auto", random_state=seed, n_jobs=1)
    return model.fit_transform(features).astype(np.float32), float(model.kl_divergence_)
