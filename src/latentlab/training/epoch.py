"""One pass over the data as one TensorFlow graph: no Python between two steps.

Images stay uint8 in memory; a batch is gathered, scaled, made noisy and encoded inside the graph. Every random
number comes from (seed, epoch, step), so an epoch's result does not depend on what ran before it.
"""

import math
from collections.abc import Callable
from functools import partial

import keras
import tensorflow as tf

from latentlab.config.variants import Training
from latentlab.networks.autoencoder import Autoencoder
from latentlab.training.losses import Terms, loss_function
from latentlab.training.parts import in_parts
from latentlab.training.strategy import spread

SHUFFLE, STEP, VALIDATION = range(3)  # streams of random numbers
VALIDATION_BATCH = 500
CHUNK_BYTES = 2**23  # of images that are gathered at a time

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

    @_graph(jit_compile=True)
    def update(by_weights: list[tf.Tensor]) -> None:
        optimizer.apply(by_weights, weights)

    def step_in_parts(batch: tf.Tensor, seed: tf.Tensor) -> Terms:
        terms, by_weights = in_parts(gradients, parts)(batch, seed)
        update(by_weights)
        return terms

    parts = tf.config.threading.get_intra_op_parallelism_threads() if autoencoder.shared_batches else 1
    full_step = step_in_parts if 1 < parts <= settings.batch_size and strategy is None else None
    xla = autoencoder.xla and strategy is None and full_step is None  # parts are compiled, not the loop over them
    mean = _mean_over_batches(
        spread(step, strategy), images, settings.batch_size, autoencoder.variational, xla, full_step
    )

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

    mean = _mean_over_batches(step, images, VALIDATION_BATCH, autoencoder.variational, xla=False)

    @_graph()
    def run() -> Terms:
        return mean(tf.range(len(images)), _seed(seed, VALIDATION, tf.constant(0)))

    compiled: Callable[[], Terms] = run
    return compiled


def _mean_over_batches(
    step: Callable[[tf.Tensor, tf.Tensor], Terms],
    images: tf.Tensor,
    batch_size: int,
    variational: bool,
    xla: bool,
    full_step: Callable[[tf.Tensor, tf.Tensor], Terms] | None = None,
) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """A function of rows and a seed that calls `step(batch, seed)` for each batch of them and returns its terms' mean.

    Batches of full size go through one loop, compiled by XLA on request. It gets them in chunks, as XLA would copy all
    images. A smaller last batch is a graph of its own, not worth XLA's time to compile. Those of full size take
    `full_step` if there is one.
    """
    names = ["loss", "reconstruction_loss", "kl_loss"][: 3 if variational else 2]
    full, rest = divmod(len(images), batch_size)
    chunk = max(1, min(full, CHUNK_BYTES // (batch_size * math.prod(images.shape[1:]))))

    batch_of_any_size = tf.TensorSpec([None, *images.shape[1:]], images.dtype)

    def summed_by(step: Callable[[tf.Tensor, tf.Tensor], Terms]) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        @_graph(input_signature=[batch_of_any_size, tf.TensorSpec([2], tf.int32)])  # traced once for both uses
        def summed(batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            terms = step(batch, seed)
            return tf.stack([terms[name] for name in names]) * tf.cast(tf.shape(batch)[0], tf.float32)

        return summed  # type: ignore[no-any-return]

    summed = summed_by(step)
    summed_full = summed_by(full_step) if full_step else summed

    @_graph(jit_compile=xla)
    def chunk_sum(batches: tf.Tensor, first: tf.Tensor, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        def add(number: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return number + 1, totals + summed_full(batches[number], tf.random.fold_in(seed, first + number))

        return tf.while_loop(lambda number, _: number < count, add, (0, tf.zeros(len(names))))[1]

    def mean(rows: tf.Tensor, seed: tf.Tensor) -> Terms:
        batches = tf.reshape(rows[: full * batch_size], [full, batch_size])

        def add(first: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            here = batches[first : first + chunk]
            count = tf.shape(here)[0]
            padded = tf.pad(here, [[0, chunk - count], [0, 0]])  # all chunks of one shape: XLA compiles once
            gathered = tf.gather(images, tf.ensure_shape(padded, [chunk, batch_size]))
            return first + chunk, totals + chunk_sum(gathered, first, count, seed)

        totals = tf.while_loop(lambda first, _: first < full, add, (0, tf.zeros(len(names))))[1]
        if rest:
            totals += summed(tf.gather(images, rows[full * batch_size :]), tf.random.fold_in(seed, full))
        return dict(zip(names, tf.unstack(totals / len(images)), strict=True))

    return mean


def _scaled(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255


def _seed(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, stream]), epoch)
