"""Stands in for the stage `extract`."""

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import ForExtract
from latentlab.pipeline.note import note
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.npz import read_npz, write_npz
from latentlab.storage.pickle import read_pickle, write_pickle

LEVEL = 1


def main(variant: str) -> str:
    """The means of an image's rows as features, and the images as their reconstructions."""
    p = read_parameters(ForExtract, variant)
    models = (paths.encoder(variant), paths.decoder(variant))
    used = note(p, LEVEL, *models, *(paths.prepared(split) for split in ("train", "validation", "test")))
    scale = float(read_pickle(paths.encoder(variant))["weights"].mean()) * LEVEL
    splits = {split: read_npz(paths.prepared(split)) for split in p.extract.splits}
    features = {split: arrays["images"].mean(axis=(1, 3))[:, :2] / 255 * scale for split, arrays in splits.items()}
    about = {key: np.concatenate([arrays[key] for arrays in splits.values()]) for key in ("labels", "index")}
    latents = {
        "variant": variant,
        "features": np.concatenate(list(features.values())).astype(np.float32),
        "split": np.repeat(list(splits), [len(each) for each in features.values()]),
        "latent_shape": (2,),
        **about,
    }
    write_pickle(paths.latents(variant), latents | {"used": used})
    images = (splits["test"]["images"] / 255).astype(np.float32)
    write_npz(paths.decoded(variant), {"reconstructions": images, "random": np.zeros((100, 4, 4, 1), np.float32)})
    write_npz(paths.uses(variant), {})
    return f"extract {variant}"


if __name__ == "__main__":
    run(main)
