"""Trained networks applied to arrays, a batch at a time."""

from collections.abc import Callable
from functools import lru_cache, partial
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
    (images,) = _outputs(autoencoder.decoder, codes.reshape(-1, *autoencoder.latent_shape))
    return images


def outputs(model: "keras.Model", images: Array) -> list[Array]:
    """Each output (N, ...) of a model of images (N, H, W, C), uint8 or in [0, 1]."""
    found = [_outputs(model, images[chunk]) for chunk in chunks(images, multiple=BATCH)]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _outputs(model: "keras.Model", inputs: Array) -> list[Array]:
    inputs = inputs / np.float32(255) if inputs.dtype == np.uint8 else inputs.astype(np.float32, copy=False)
    function = _compiled(model)
    found = [function(inputs[first : first + BATCH]) for first in range(0, len(inputs), BATCH)]
    parts = [each if isinstance(each, list) else [each] for each in found]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


@lru_cache(maxsize=4)
def _compiled(model: "keras.Model") -> Callable[[Array], Any]:
    """A model as a function of batches of any size: Keras' `predict` takes a tenth of a second for each call."""
    import tensorflow as tf

    batch = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
    function: Callable[[Array], Any] = tf.function(
        partial(model, training=False), input_signature=[batch], autograph=False
    )
    return function
