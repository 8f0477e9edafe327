"""Stage `extract`: run the trained networks once over the data. What comes after works on arrays alone."""

from typing import Any

import numpy as np

from latentlab.config import paths
from latentlab.config.params import Extract
from latentlab.config.stages import ForExtract
from latentlab.figures.thumbnails import thumbnails
from latentlab.metrics.noise import noisy
from latentlab.networks import codes
from latentlab.networks.apply import decode, encode, outputs
from latentlab.networks.autoencoder import Autoencoder
from latentlab.networks.mixture import mixture_codes
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.chosen import of_classes
from latentlab.stages._command import run
from latentlab.stages._uses import denoised, draw, quantised, validation_scores, weights
from latentlab.storage.keras import read_keras
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz, write_npz
from latentlab.storage.pickle import write_pickle

Splits = dict[str, dict[str, Array]]
PICTURED = 100  # images from random codes, at least
NOISE, SAMPLE, RANDOM = range(3)  # streams of random numbers


def main(variant: str) -> str:
    """Write the latent features of the chosen splits, and the images decoded from codes of every kind."""
    p = read_parameters(ForExtract, variant)
    every: Splits = {split: read_npz(paths.prepared(split)) for split in paths.SPLITS}
    known = {split: of_classes(arrays, p.classes, variant) for split, arrays in every.items()}
    splits: Splits = {split: every[split] for split in p.extract.splits}
    start_tensorflow(p.seed, p.threads)
    from latentlab.networks.normalization import made_portable

    models = (made_portable(read_keras(path)) for path in (paths.encoder(variant), paths.decoder(variant)))
    autoencoder = Autoencoder(*models)
    encoded: dict[str, list[Array]] = {split: encode(autoencoder, arrays["images"]) for split, arrays in splits.items()}
    write_pickle(paths.latents(variant), latents(variant, autoencoder, splits, encoded))
    decoded: dict[str, Array] = {}
    used: dict[str, Array] = {}
    if autoencoder.get_weights():  # what has learnt nothing would give back any image
        decoded = reconstruct(autoencoder, splits["test"]["images"], p.noise, p.seed)
        random = max(PICTURED, p.extract.uses_images)
        decoded |= generate(autoencoder, encoded["train"][0][known["train"]], random, p.seed)
        used = validation_scores(autoencoder, every["validation"]["images"][known["validation"]], p.seed)
        used |= uses(autoencoder, splits["test"]["images"], encoded, known, p.extract, p.seed)
        used |= random_features(decoded["random"])
    write_npz(paths.decoded(variant), decoded)
    write_npz(paths.uses(variant), used)
    return f"extract {variant}: codes of shape {'x'.join(map(str, autoencoder.latent_shape))}"


def uses(
    autoencoder: Autoencoder,
    images: Array,
    encoded: dict[str, list[Array]],
    known: dict[str, Array],
    settings: Extract,
    seed: int,
) -> dict[str, Array]:
    """For denoising, compression and the likelihood: of the first test images (N, H, W, C) of the `known` rows."""
    few = known["test"][: settings.uses_images]  # the split is in random order
    train_codes, test_codes = (
        _flat(encoded[split][0][rows]) for split, rows in (("train", known["train"]), ("test", few))
    )
    arrays = denoised(autoencoder, images[few], settings.noise_levels, seed)
    arrays |= quantised(autoencoder, train_codes, test_codes, images[few])
    if autoencoder.variational:
        arrays |= weights(autoencoder, images[few], [part[few] for part in encoded["test"]], seed)
    return arrays


def latents(variant: str, autoencoder: Autoencoder, splits: Splits, encoded: dict[str, list[Array]]) -> dict[str, Any]:
    """The features file: clean images' codes, flat, with where each is from; `labels` is None if there are none."""
    labelled = all("labels" in arrays for arrays in splits.values())
    return {
        "variant": variant,
        "features": np.concatenate([_flat(encoded[split][0]) for split in splits]),  # (N, D) float32
        "labels": np.concatenate([arrays["labels"] for arrays in splits.values()]) if labelled else None,
        "split": np.repeat(list(splits), [len(arrays["index"]) for arrays in splits.values()]),
        "index": np.concatenate([arrays["index"] for arrays in splits.values()]),
        "latent_shape": autoencoder.latent_shape,
    }


def _flat(code: Array) -> Array:
    return code.reshape(len(code), -1)


def reconstruct(autoencoder: Autoencoder, images: Array, noise: float, seed: int) -> dict[str, Array]:
    """Reconstructions (N, H, W, C) of `images` (uint8), made noisy first if the variant removes noise.

    A variational autoencoder's `reconstructions` come from z_mean; `sampled` come from one draw of the code each.
    """
    arrays = {}
    if noise:
        images = arrays["noisy"] = noisy(images, noise, np.random.default_rng([seed, NOISE]))
    encoded = encode(autoencoder, images)
    arrays["reconstructions"] = decode(autoencoder, encoded[0])
    if autoencoder.variational:
        z_mean, z_log_var = encoded
        arrays |= {"z_mean": z_mean, "z_log_var": z_log_var}
        arrays["sampled"] = decode(autoencoder, draw(z_mean, z_log_var, np.random.default_rng([seed, SAMPLE])))
    return arrays


def generate(autoencoder: Autoencoder, train_codes: Array, count: int, seed: int) -> dict[str, Array]:
    """Images from random codes (count, H, W, C), and for two-dimensional codes from grids (side, side, H, W, C).

    The fine grid is for a page, as thumbnails of bytes. Random codes are draws from the prior of a variational
    autoencoder, from a mixture that fits the others' codes.
    """
    features = _flat(train_codes)
    variational = autoencoder.variational
    rng = np.random.default_rng([seed, RANDOM])
    draws = codes.prior_codes if variational else mixture_codes
    arrays = {"random": decode(autoencoder, draws(features, count, rng))}
    if autoencoder.latent_shape == (2,):
        for name, axes_of in {"linear": codes.linear_axes, "quantile": codes.quantile_axes}.items():
            axes = axes_of(features, variational)
            images = decode(autoencoder, codes.grid(axes))
            arrays[f"{name}_axes"] = axes
            arrays[f"{name}_grid"] = images.reshape(axes.shape[1], axes.shape[1], *images.shape[1:])
        axes = arrays["fine_axes"] = codes.fine_axes(features, variational)
        rows = codes.grid(axes).reshape(codes.FINE_SIDE, codes.FINE_SIDE, 2)
        arrays["fine_grid"] = np.stack([thumbnails(decode(autoencoder, row)) for row in rows])  # (60, 60, h, w, C)
    return arrays


def random_features(images: Array) -> dict[str, Array]:
    """What the classifier makes of images from random codes (n, H, W, C): features (n, 64), if there is one."""
    if not read_npz(paths.CLASSIFIED):
        return {}
    features, _ = outputs(read_keras(paths.CLASSIFIER), images)
    return {"random_features": features}


if __name__ == "__main__":
    run(main)
