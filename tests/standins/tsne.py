"""Stands in for the stage `tsne`."""

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import ForTsne
from latentlab.pipeline.note import note
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.pickle import read_pickle, write_pickle

LEVEL = 1


def main(variant: str) -> str:
    """The features themselves as embedding."""
    p = read_parameters(ForTsne, variant)
    used = note(p, LEVEL, paths.latents(variant))
    latents = read_pickle(paths.latents(variant))
    rows = np.flatnonzero(latents["split"] == "test")
    chosen = {key: latents[key][rows] for key in ("features", "split", "index", "labels")}
    embedding = chosen["features"] * p.tsne.perplexity * LEVEL
    write_pickle(
        paths.embedding(variant), latents | chosen | {"embedding": embedding, "kl_divergence": 0.5, "used": used}
    )
    return f"tsne {variant}"


if __name__ == "__main__":
    run(main)
