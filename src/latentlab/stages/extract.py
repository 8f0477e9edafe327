"""Stage `extract`: run the trained networks once over the data. What comes after works on arrays alone."""

from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import ForExtract
from latentlab.networks import codes
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.chosen import of_classes
from latentlab.stages._command import run
from latentlab.storage.keras import read_keras
from latentlab.storage.memory import Array, chunks
from latentlab.storage.npz import read_npz, write_npz
from latentlab.storage.pickle import write_pickle

if TYPE_CHECKING:
    import keras

BATCH = 500
Splits = dict[str, dict[str, Array]]
RANDOM_IMAGES = 100
NOISE, SAMPLE, RANDOM = range(3)  # streams of random numbers


def main(variant: str) -> str:
    """Write the latent features of the chosen splits, and the images decoded from codes of every kind."""
    p = read_parameters(ForExtract, variant)
    splits: Splits = {split: read_npz(paths.prepared(split)) for split in p.extract.splits}
    learned = of_classes(splits["train"], p.classes, variant)
    start_tensorflow(p.seed, p.threads)
    from latentlab.networks.normalization import made_portable

    models = (made_portable(read_keras(path)) for path in (paths.encoder(variant), paths.decoder(variant)))
    autoencoder = Autoencoder(*models)
    encoded = {split: encode(autoencoder, arrays["images"]) for split, arrays in splits.items()}
    write_pickle(paths.latents(variant), latents(variant, autoencoder, splits, encoded))
    decoded: dict[str, Array] = {}
    if autoencoder.get_weights():  # what has learnt nothing would give back any image
        decoded = reconstruct(autoencoder, splits["test"]["images"], p.noise, p.seed)
        decoded |= generate(autoencoder, encoded["train"][0][learned], p.seed)
    write_npz(paths.decoded(variant), decoded)
    return f"extract {variant}: codes of shape {'x'.join(map(str, autoencoder.latent_shape))}"


def scaled(images: Array) -> Array:
    """uint8 images as float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def encode(autoencoder: Autoencoder, images: Array) -> list[Array]:
    """Codes [(N, ...)] of images (N, H, W, C), uint8 or in [0, 1]; [z_mean, z_log_var] of a variational autoencoder."""
    encoded = [_encoded(autoencoder, images[chunk]) for chunk in chunks(images, multiple=BATCH)]
    return [np.concatenate(parts) for parts in zip(*encoded, strict=True)]


def _encoded(autoencoder: Autoencoder, images: Array) -> list[Array]:
    outputs = _predict(autoencoder.encoder, scaled(images) if images.dtype == np.uint8 else images)
    return outputs if isinstance(outputs, list) else [outputs]


def _predict(model: "keras.Model", inputs: Array) -> Any:
    return model.predict(inputs, batch_size=BATCH, verbose=0)


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
    arrays["reconstructions"] = _predict(autoencoder.decoder, encoded[0])
    if autoencoder.variational:
        z_mean, z_log_var = encoded
        draws = np.random.default_rng([seed, SAMPLE]).standard_normal(z_mean.shape, np.float32)
        arrays |= {"z_mean": z_mean, "z_log_var": z_log_var}
        arrays["sampled"] = _predict(autoencoder.decoder, z_mean + np.exp(z_log_var / 2) * draws)
    return arrays


def noisy(images: Array, stddev: float, rng: np.random.Generator) -> Array:
    """uint8 images as float32 with Gaussian noise, clipped to [0, 1]."""
    result = np.empty(images.shape, np.float32)
    for chunk in chunks(images):
        clean = scaled(images[chunk])
        draws = rng.standard_normal(clean.shape, np.float32)
        result[chunk] = np.clip(clean + np.float32(stddev) * draws, 0, 1)
    return result


def generate(autoencoder: Autoencoder, train_codes: Array, seed: int) -> dict[str, Array]:
    """Images from random codes (100, H, W, C), and for two-dimensional codes from grids (side, side, H, W, C)."""
    features = _flat(train_codes)
    variational = autoencoder.variational
    rng = np.random.default_rng([seed, RANDOM])
    random = codes.random_codes(features, RANDOM_IMAGES, variational, rng)
    arrays = {"random": _predict(autoencoder.decoder, random.reshape(-1, *autoencoder.latent_shape))}
    if autoencoder.latent_shape == (2,):
        for name, axes_of in {"linear": codes.linear_axes, "quantile": codes.quantile_axes}.items():
            axes = axes_of(features, variational)
            images = _predict(autoencoder.decoder, codes.grid(axes))
            arrays[f"{name}_axes"] = axes
            arrays[f"{name}_grid"] = images.reshape(axes.shape[1], axes.shape[1], *images.shape[1:])
    return arrays


if __name__ == "__main__":
    run(main)
