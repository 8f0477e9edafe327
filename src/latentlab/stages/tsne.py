"""Stage `tsne`: place latent features in the plane, those of the test images unless `tsne.splits` says else."""

from collections.abc import Sequence

import numpy as np

from latentlab.config import paths
from latentlab.config.params import check_perplexity
from latentlab.config.stages import ForTsne
from latentlab.embedding.tsne import embed
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.memory import Array
from latentlab.storage.pickle import read_pickle, write_pickle


def main(variant: str) -> str:
    """Write the features of the chosen images with their embedding."""
    p = read_parameters(ForTsne, variant)
    latents = read_pickle(paths.latents(variant))
    rows = chosen_rows(latents["split"], p.tsne.placed, p.tsne.points)
    check_perplexity(p.tsne.perplexity, len(rows), f"{' and '.join(p.tsne.placed)} images of {variant}")
    chosen = {key: latents[key][rows] for key in ("features", "split", "index")}
    if latents["labels"] is not None:
        chosen["labels"] = latents["labels"][rows]
    embedding, divergence = embed(chosen["features"], p.tsne.perplexity, p.seed, p.tsne.method)
    write_pickle(paths.embedding(variant), latents | chosen | {"embedding": embedding, "kl_divergence": divergence})
    return f"tsne {variant}: {len(rows)} points, KL divergence {divergence:.3f}"


def chosen_rows(split: Array, wanted: Sequence[str], points: int) -> Array:
    """The first rows of the `wanted` splits, one after the other, given the split of each row; `points` at most."""
    return np.concatenate([np.flatnonzero(split == name) for name in wanted])[:points]


if __name__ == "__main__":
    run(main)
