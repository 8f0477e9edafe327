"""One pass over the data as one TensorFlow graph: no Python between two steps.

Images stay uint8 in memory; a batch is gathered, scaled, made noisy and encoded inside the graph. Every random
number comes from (seed, epoch, step), so an epoch's result does not depend on what ran before it.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from latentlab.artifacts import Array
from latentlab.autoencoder import Autoencoder
from latentlab.params import Training
from latentlab.training.losses import Terms, loss_terms

SHUFFLE, STEP, VALIDATION = range(3)  # streams of random numbers
VALIDATION_BATCH = 500


def training_epoch(
    autoencoder: Autoencoder, optimizer: keras.Optimizer, images: Array, settings: Training, seed: int
) -> Callable[[tf.Tensor], Terms]:
    """A compiled function of the epoch (int32 scalar) that trains on all `images` (N, H, W, C) uint8 once.

    It returns the mean of each loss term over the epoch. The last batch may be smaller.
    """
    pixels = tf.constant(images)

    @tf.function
    def run(epoch: tf.Tensor) -> Terms:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), _seed(seed, SHUFFLE, epoch))
        seeds = _seed(seed, STEP, epoch)

        def step(rows: tf.Tensor, number: tf.Tensor) -> Terms:
            batch = _scaled(tf.gather(pixels, rows))
            with tf.GradientTape() as tape:
                terms = loss_terms(
                    autoencoder,
                    batch,
                    settings.noise,
                    settings.activity_l1,
                    tf.random.fold_in(seeds, number),
                    training=True,
                )
            weights = autoencoder.weights
            optimizer.apply(tape.gradient(terms["loss"], weights), weights)
            return terms

        return _mean_over_batches(step, order, settings.batch_size, autoencoder.variational)

    compiled: Callable[[tf.Tensor], Terms] = run
    return compiled


def validation_epoch(autoencoder: Autoencoder, images: Array, settings: Training, seed: int) -> Callable[[], Terms]:
    """A compiled function that returns the mean of each loss term over `images` (N, H, W, C) uint8.

    Noise and codes are drawn from the same random numbers each time, so that epochs can be compared.
    """
    pixels = tf.constant(images)

    @tf.function
    def run() -> Terms:
        seeds = _seed(seed, VALIDATION, tf.constant(0))

        def step(rows: tf.Tensor, number: tf.Tensor) -> Terms:
            return loss_terms(
                autoencoder,
                _scaled(tf.gather(pixels, rows)),
                settings.noise,
                settings.activity_l1,
                tf.random.fold_in(seeds, number),
                training=False,
            )

        return _mean_over_batches(step, tf.range(len(images)), VALIDATION_BATCH, autoencoder.variational)

    compiled: Callable[[], Terms] = run
    return compiled


def _mean_over_batches(
    step: Callable[[tf.Tensor, tf.Tensor], Terms], rows: tf.Tensor, batch_size: int, variational: bool
) -> Terms:
    """Call `step(rows, number)` for each batch of `rows`; mean of its terms, weighted with the batch's size."""
    names = ["loss", "reconstruction_loss", "kl_loss"][: 3 if variational else 2]
    count = int(rows.shape[0])
    totals = tf.zeros(len(names))
    for number in tf.range(-(-count // batch_size)):
        batch = rows[number * batch_size : (number + 1) * batch_size]
        terms = step(batch, number)
        totals += tf.stack([terms[name] for name in names]) * tf.cast(tf.shape(batch)[0], tf.float32)
    return dict(zip(names, tf.unstack(totals / count), strict=True))


def _scaled(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255


def _seed(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, stream]), epoch)
