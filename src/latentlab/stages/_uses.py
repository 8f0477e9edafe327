"""What `extract` has the networks compute for the uses of an autoencoder, beside codes and reconstructions."""

import numpy as np

from latentlab.metrics.noise import at_levels
from latentlab.metrics.quantisation import code_range, dequantise, quantise
from latentlab.metrics.reconstruction import image_bce, image_mse
from latentlab.metrics.variational import DRAWS, MOST_DRAWS, log_weights, negative_elbo
from latentlab.networks.apply import decode, encode
from latentlab.networks.autoencoder import Autoencoder
from latentlab.storage.memory import Array

DECODED = 2**23  # values of images in one go
WEIGHTS, VALIDATION = 4, 5  # streams of random numbers, beside those of `extract` and `metrics/noise.py`


def denoised(autoencoder: Autoencoder, images: Array, levels: tuple[float, ...], seed: int) -> dict[str, Array]:
    """What comes of images (n, H, W, C) uint8 with noise of each level: `denoised_0.5` and so on."""
    noisy = at_levels(images, levels, seed)
    return {f"denoised_{level:g}": decode(autoencoder, encode(autoencoder, noisy[level])[0]) for level in levels}


def quantised(autoencoder: Autoencoder, train_codes: Array, test_codes: Array, images: Array) -> dict[str, Array]:
    """Mean squared error of test images (n, H, W, C) decoded from codes (n, D) of 8 bits an entry."""
    low, high = code_range(train_codes)
    decoded = decode(autoencoder, dequantise(quantise(test_codes, low, high), low, high))
    return {"quantised_mse": image_mse(images, decoded)}


def validation_scores(autoencoder: Autoencoder, images: Array, seed: int) -> dict[str, Array]:
    """How badly validation images (n, H, W, C) are reconstructed, in nats an image (n,), as anomalies are found by."""
    encoded = encode(autoencoder, images)
    scores = {"validation_bce": image_bce(images, decode(autoencoder, encoded[0]))}
    if autoencoder.variational:
        drawn = decode(autoencoder, draw(encoded[0], encoded[1], np.random.default_rng([seed, VALIDATION])))
        scores["validation_negative_elbo"] = negative_elbo(images, drawn, encoded[0], encoded[1])
    return scores


def weights(autoencoder: Autoencoder, images: Array, encoded: list[Array], seed: int) -> dict[str, Array]:
    """Log importance weights of 50 draws for each test image (n, H, W, C), and of 500 for the first tenth of them.

    (n, 50) and (n / 10 rounded up, 500) float64 in nats; the 500 begin with the 50. `encoded` is [z_mean, z_log_var],
    each (n, ...).
    """
    rng, tenth = np.random.default_rng([seed, WEIGHTS]), slice(-(-len(images) // 10))
    found = _in_parts(autoencoder, images, encoded, DRAWS, rng)
    more = _in_parts(autoencoder, images[tenth], [part[tenth] for part in encoded], MOST_DRAWS - DRAWS, rng)
    return {f"log_weights_{DRAWS}": found, f"log_weights_{MOST_DRAWS}": np.concatenate([found[tenth], more], 1)}


def _in_parts(
    autoencoder: Autoencoder, images: Array, encoded: list[Array], count: int, rng: np.random.Generator
) -> Array:
    """Those of so many draws, (n, count)."""
    mean, log_var = encoded
    together = max(1, DECODED // images.size)  # draws decoded in one go
    sizes = [min(together, count - first) for first in range(0, count, together)]
    return np.concatenate([_weights(autoencoder, images, mean, log_var, size, rng) for size in sizes]).T


def _weights(
    autoencoder: Autoencoder, images: Array, mean: Array, log_var: Array, count: int, rng: np.random.Generator
) -> Array:
    """Those of so many draws, (count, n)."""
    mean, log_var = (np.concatenate([part] * count) for part in (mean, log_var))  # (count * n, ...)
    z = draw(mean, log_var, rng)
    decoded = decode(autoencoder, z)
    return log_weights(np.concatenate([images] * count), decoded, z, mean, log_var).reshape(count, -1)


def draw(z_mean: Array, z_log_var: Array, rng: np.random.Generator) -> Array:
    """One draw of the code an image, (N, ...) float32."""
    return z_mean + np.exp(z_log_var / 2) * rng.standard_normal(z_mean.shape, np.float32)
