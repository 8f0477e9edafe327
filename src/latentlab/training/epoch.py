"""One pass over the data as one TensorFlow graph: no Python between two steps.

Images stay uint8 in memory; a batch is gathered, scaled, made noisy and encoded inside the graph. Every random
number comes from (seed, epoch, step), so an epoch's result does not depend on what ran before it.
"""

from collections.abc import Callable
from functools import partial

import keras
import tensorflow as tf

from latentlab.config.variants import Training
from latentlab.networks.autoencoder import Autoencoder
from latentlab.training.batches import mean_over_batches
from latentlab.training.losses import Terms, loss_function
from latentlab.training.parts import step_in_parts
from latentlab.training.strategy import spread

SHUFFLE, STEP, VALIDATION = range(3)  # streams of random numbers
VALIDATION_BATCH = 500

_graph = partial(tf.function, autograph=False)  # autograph takes a second or two to look for loops in Python


def training_epoch(
    autoencoder: Autoencoder,
    optimizer: keras.Optimizer,
    images: tf.Tensor,
    settings: Training,
    seed: int,
    strategy: tf.distribute.Strategy | None = None,
) -> Callable[[tf.Tensor], Terms]:
    """A compiled function of the epoch (int32 scalar) that trains on all `images` (N, H, W, C) uint8 once.

    It returns the mean of each loss term over the epoch. The last batch may be smaller. Under a `strategy`, in whose
    scope the variables were made, its replicas share each batch.
    """
    terms_of = loss_function(autoencoder, settings.noise, settings.activity_l1)
    weights = autoencoder.weights

    def gradients(batch: tf.Tensor, seed: tf.Tensor, share: tf.Tensor) -> tuple[Terms, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            terms = terms_of(_scaled(batch), seed, training=True)
            terms = {name: value * share for name, value in terms.items()}
        return terms, tape.gradient(terms["loss"], weights)

    def step(batch: tf.Tensor, seed: tf.Tensor, share: tf.Tensor) -> Terms:
        terms, by_weights = gradients(batch, seed, share)
        optimizer.apply(by_weights, weights)
        return terms

    size, variational = settings.batch_size, autoencoder.variational
    parts = tf.config.threading.get_intra_op_parallelism_threads() if autoencoder.shared_batches else 1
    if strategy is None and 1 < parts <= size:
        in_parts = step_in_parts(gradients, lambda by_weights: optimizer.apply(by_weights, weights), parts)
        mean = mean_over_batches(spread(step, None), images, size, variational, xla=False, full_step=in_parts)
    else:
        xla = autoencoder.xla and strategy is None
        mean = mean_over_batches(spread(step, strategy), images, size, variational, xla)

    @_graph()
    def run(epoch: tf.Tensor) -> Terms:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), _seed(seed, SHUFFLE, epoch))
        return mean(order, _seed(seed, STEP, epoch))

    compiled: Callable[[tf.Tensor], Terms] = run
    return compiled


def validation_epoch(autoencoder: Autoencoder, images: tf.Tensor, settings: Training, seed: int) -> Callable[[], Terms]:
    """A compiled function that returns the mean of each loss term over `images` (N, H, W, C) uint8.

    Noise and codes are drawn from the same random numbers each time, so that epochs can be compared.
    """
    terms_of = loss_function(autoencoder, settings.noise, settings.activity_l1)

    def step(batch: tf.Tensor, seed: tf.Tensor) -> Terms:
        return terms_of(_scaled(batch), seed, training=False)

    mean = mean_over_batches(step, images, VALIDATION_BATCH, autoencoder.variational, xla=False)

    @_graph()
    def run() -> Terms:
        return mean(tf.range(len(images)), _seed(seed, VALIDATION, tf.constant(0)))

    compiled: Callable[[], Terms] = run
    return compiled


def _scaled(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255


def _seed(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, stream]), epoch)
