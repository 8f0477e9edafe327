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
from latentlab.training.losses import Terms, loss_function

SHUFFLE, STEP, VALIDATION = range(3)  # streams of random numbers
VALIDATION_BATCH = 500


def training_epoch(
    autoencoder: Autoencoder, optimizer: keras.Optimizer, images: Array, settings: Training, seed: int
) -> Callable[[tf.Tensor], Terms]:
    """A compiled function of the epoch (int32 scalar) that trains on all `images` (N, H, W, C) uint8 once.

    It returns the mean of each loss term over the epoch. The last batch may be smaller.
    """
    pixels = tf.constant(images)
    terms_of = loss_function(autoencoder, settings.noise, settings.activity_l1)
    weights = autoencoder.weights

    def step(rows: tf.Tensor, seed: tf.Tensor) -> Terms:
        with tf.GradientTape() as tape:
            terms = terms_of(_scaled(tf.gather(pixels, rows)), seed, training=True)
        optimizer.apply(tape.gradient(terms["loss"], weights), weights)
        return terms

    mean = _mean_over_batches(step, len(images), settings.batch_size, autoencoder)

    @tf.function
    def run(epoch: tf.Tensor) -> Terms:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), _seed(seed, SHUFFLE, epoch))
        return mean(order, _seed(seed, STEP, epoch))

    compiled: Callable[[tf.Tensor], Terms] = run
    return compiled


def validation_epoch(autoencoder: Autoencoder, images: Array, settings: Training, seed: int) -> Callable[[], Terms]:
    """A compiled function that returns the mean of each loss term over `images` (N, H, W, C) uint8.

    Noise and codes are drawn from the same random numbers each time, so that epochs can be compared.
    """
    pixels = tf.constant(images)
    terms_of = loss_function(autoencoder, settings.noise, settings.activity_l1)

    def step(rows: tf.Tensor, seed: tf.Tensor) -> Terms:
        return terms_of(_scaled(tf.gather(pixels, rows)), seed, training=False)

    mean = _mean_over_batches(step, len(images), VALIDATION_BATCH, autoencoder)

    @tf.function
    def run() -> Terms:
        return mean(tf.range(len(images)), _seed(seed, VALIDATION, tf.constant(0)))

    compiled: Callable[[], Terms] = run
    return compiled


def _mean_over_batches(
    step: Callable[[tf.Tensor, tf.Tensor], Terms], count: int, batch_size: int, autoencoder: Autoencoder
) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """A function that calls `step(rows, seed)` for each batch of `count` rows and returns the mean of its terms.

    The batches of full size are one loop in one graph, compiled by XLA if the architecture gains by that. What is
    left over is a graph of its own, not worth XLA's time to compile.
    """
    names = ["loss", "reconstruction_loss", "kl_loss"][: 3 if autoencoder.variational else 2]
    full, rest = divmod(count, batch_size)

    def summed(rows: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        terms = step(rows, seed)
        return tf.stack([terms[name] for name in names]) * rows.shape[0]

    @tf.function(jit_compile=autoencoder.xla)
    def loop(batches: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        totals = tf.zeros(len(names))
        for number in tf.range(full):
            totals += summed(batches[number], tf.random.fold_in(seed, number))
        return totals

    def mean(rows: tf.Tensor, seed: tf.Tensor) -> Terms:
        totals = tf.zeros(len(names))
        if full:
            totals += loop(tf.reshape(rows[: full * batch_size], [full, batch_size]), seed)
        if rest:
            totals += summed(rows[full * batch_size :], tf.random.fold_in(seed, full))
        return dict(zip(names, tf.unstack(totals / count), strict=True))

    return mean


def _scaled(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255


def _seed(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, stream]), epoch)
