"""Stage `tsne`: place the test images' latent features in the plane."""

from typing import Any

import numpy as np
from sklearn.manifold import TSNE

from latentlab.config import paths
from latentlab.config.params import check_perplexity
from latentlab.config.stages import ForTsne
from latentlab.metrics.scale import LARGEST, SMALLEST
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.memory import Array
from latentlab.storage.pickle import read_pickle, write_pickle


def main(variant: str) -> str:
    """Write the features of the test images with their embedding."""
    p = read_parameters(ForTsne, variant)
    latents = read_pickle(paths.latents(variant))
    rows = np.flatnonzero(latents["split"] == "test")[: p.tsne.points]
    check_perplexity(p.tsne.perplexity, len(rows), f"test images of {variant}")
    chosen = {key: latents[key][rows] for key in ("features", "split", "index")}
    if latents["labels"] is not None:
        chosen["labels"] = latents["labels"][rows]
    embedding, divergence = embed(chosen["features"], p.tsne.perplexity, p.seed)
    write_pickle(paths.embedding(variant), latents | chosen | {"embedding": embedding, "kl_divergence": divergence})
    return f"tsne {variant}: {len(rows)} points, KL divergence {divergence:.3f}"


def embed(features: Array, perplexity: float, seed: int) -> tuple[Array, float]:
    """Embedding (N, 2) float32 of features (N, D), and its KL divergence in nats (van der Maaten and Hinton 2008).

    Always on one thread: scikit-learn adds up gradients of several threads in no fixed order. Features that are all the
    same are one point, which is exact: all similarities are equal, in both spaces.
    """
    limit_threads(1)
    spread = float(np.ptp(features.astype(np.float64), axis=0).max())
    if spread == 0:
        return np.zeros((len(features), 2), np.float32), 0.0
    if not SMALLEST <= spread <= LARGEST:  # the principal components would not be numbers, which t-SNE does not survive
        features = ((features - features.min(axis=0).astype(np.float64)) / spread).astype(np.float32)
    start = "pca" if features.shape[1] > 1 else "random"
    model: Any = TSNE(perplexity=perplexity, init=start, learning_rate="auto", random_state=seed, n_jobs=1)
    return model.fit_transform(features).astype(np.float32), float(model.kl_divergence_)


if __name__ == "__main__":
    run(main)
