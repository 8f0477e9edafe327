"""What both ways with Keras' fit share: the nets as trainable Keras models, and their data."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.ways import SEED
from latentlab.config.variants import Variant
from latentlab.stages.train import build
from latentlab.storage.memory import Array


class Variational(keras.Model):  # type: ignore[misc]
    """A variational autoencoder with a training step of its own, in the manner of Keras' example "vae"."""

    def __init__(self, encoder: keras.Model, decoder: keras.Model) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.seeds = keras.random.SeedGenerator(SEED)
        self.mean_loss = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The loss, reset before each epoch."""
        return [self.mean_loss]

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step on images (N, H, W, C) in [0, 1]."""
        with tf.GradientTape() as tape:
            loss = self._loss(images)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}

    def _loss(self, images: tf.Tensor) -> tf.Tensor:
        """Negative evidence lower bound in nats an image, mean over the batch."""
        mean, log_var = self.encoder(images, training=True)  # each (N, D)
        code = mean + tf.exp(log_var / 2) * keras.random.normal(tf.shape(mean), seed=self.seeds)
        pixels = keras.losses.binary_crossentropy(images, self.decoder(code, training=True))  # (N, H, W)
        divergence = -0.5 * tf.reduce_sum(1 + log_var - mean**2 - tf.exp(log_var), axis=1)  # (N,)
        return tf.reduce_mean(tf.reduce_sum(pixels, axis=(1, 2)) + divergence)


def start(threads: int) -> None:
    """Let TensorFlow use `threads`. Kernels stay as fast as they are by default: not deterministic."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(SEED)


def compiled(variant: Variant, image_shape: tuple[int, ...], unroll: bool, **options: Any) -> keras.Model:
    """The variant as one model with its optimizer and loss; `options` go to `compile`."""
    autoencoder = build(variant, image_shape)
    encoder, decoder = (_copied(part, unroll) for part in (autoencoder.encoder, autoencoder.decoder))
    if variant.training.activity_l1:
        encoder.layers[-1].activity_regularizer = keras.regularizers.L1(variant.training.activity_l1)
    if autoencoder.variational:
        model = Variational(encoder, decoder)
        model.compile(optimizer=variant.training.optimizer, **options)
    else:
        model = keras.Model(encoder.input, decoder(encoder.output))
        model.compile(optimizer=variant.training.optimizer, loss="binary_crossentropy", **options)
    return model


def arrays(model: keras.Model, images: Array, noise: float) -> tuple[Array, Array | None]:
    """Inputs and targets for `fit`, float32 in [0, 1]; a variational model takes its targets from its inputs."""
    clean = images.astype(np.float32) / 255
    if isinstance(model, Variational):
        return clean, None
    if not noise:
        return clean, clean
    drawn = np.random.default_rng(SEED).standard_normal(clean.shape, np.float32)
    return np.clip(clean + noise * drawn, 0, 1), clean


def pipeline(inputs: Array, targets: Array | None, batch_size: int) -> tf.data.Dataset:
    """Shuffled batches, prepared while the step before them runs."""
    content = inputs if targets is None else (inputs, targets)
    images = tf.data.Dataset.from_tensor_slices(content).cache().shuffle(len(inputs))
    return images.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def parameters(model: keras.Model) -> int:
    """Number of trainable parameters."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def _copied(model: keras.Model, unroll: bool) -> keras.Model:
    """The same net with its recurrent layers unrolled or in a loop."""

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        changed = {"unroll": unroll} if isinstance(layer, keras.layers.LSTM) else {}
        return layer.__class__.from_config({**layer.get_config(), **changed})

    return keras.models.clone_model(model, clone_function=copy)
