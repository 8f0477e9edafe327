"""Trained networks applied to arrays, a batch at a time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.networks.autoencoder import Autoencoder
from latentlab.storage.memory import Array, chunks

if TYPE_CHECKING:
    import keras

BATCH = 500


def encode(autoencoder: Autoencoder, images: Array) -> list[Array]:
    """Codes [(N, ...)] of images (N, H, W, C), uint8 or in [0, 1]; [z_mean, z_log_var] of a variational autoencoder."""
    return outputs(autoencoder.encoder, images)


def decode(autoencoder: Autoencoder, codes: Array) -> Array:
    """Images (N, H, W, C) float32 of codes (N, ...), flat or not."""
    return np.asarray(predict(autoencoder.decoder, codes.reshape(-1, *autoencoder.latent_shape)))


def outputs(model: "keras.Model", images: Array) -> list[Array]:
    """Each output (N, ...) of a model of images (N, H, W, C), uint8 or in [0, 1]."""
    found = [_outputs(model, images[chunk]) for chunk in chunks(images, multiple=BATCH)]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def predict(model: "keras.Model", inputs: Array) -> Any:
    """A model's outputs."""
    return model.predict(inputs, batch_size=BATCH, verbose=0)


def _outputs(model: "keras.Model", images: Array) -> list[Array]:
    found = predict(model, images if images.dtype != np.uint8 else images / np.float32(255))
    return found if isinstance(found, list) else [found]
