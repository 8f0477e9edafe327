"""A step for each batch of an epoch, as loops inside the graph."""

import math
from collections.abc import Callable
from functools import partial

import tensorflow as tf

from latentlab.training.losses import Terms

CHUNK_BYTES = 2**23  # of images that are gathered at a time

BatchStep = Callable[[tf.Tensor, tf.Tensor], Terms]
_graph = partial(tf.function, autograph=False)  # autograph takes a second or two to look for loops in Python


def mean_over_batches(
    step: BatchStep,
    images: tf.Tensor,
    batch_size: int,
    variational: bool,
    xla: bool,
    full_step: BatchStep | None = None,
) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """A function of rows and a seed that calls `step(batch, seed)` for each batch of them and returns its terms' mean.

    Batches of full size go through one loop, compiled by XLA on request. It gets them in chunks, as XLA would copy all
    images. A smaller last batch is a graph of its own, not worth XLA's time to compile. Those of full size take
    `full_step` if there is one.
    """
    names = ["loss", "reconstruction_loss", "kl_loss"][: 3 if variational else 2]
    full, rest = divmod(len(images), batch_size)
    chunk = max(1, min(full, CHUNK_BYTES // (batch_size * math.prod(images.shape[1:]))))
    summed = _summed(step, names, images)
    chunk_sum = _over_chunk(_summed(full_step, names, images) if full_step else summed, len(names), xla)

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


def _summed(step: BatchStep, names: list[str], images: tf.Tensor) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A function of a batch of `images` and a seed that returns the sums of a step's terms over the batch, (names,)."""
    batch_of_any_size = tf.TensorSpec([None, *images.shape[1:]], images.dtype)

    @_graph(input_signature=[batch_of_any_size, tf.TensorSpec([2], tf.int32)])  # traced once for both uses
    def summed(batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        terms = step(batch, seed)
        return tf.stack([terms[name] for name in names]) * tf.cast(tf.shape(batch)[0], tf.float32)

    return summed  # type: ignore[no-any-return]


def _over_chunk(summed: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], count: int, xla: bool) -> Callable[..., tf.Tensor]:
    """A function of batches, the number of the first in the epoch, how many are there, and a seed: `count` sums."""

    @_graph(jit_compile=xla)
    def chunk_sum(batches: tf.Tensor, first: tf.Tensor, there: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        def add(number: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return number + 1, totals + summed(batches[number], tf.random.fold_in(seed, first + number))

        return tf.while_loop(lambda number, _: number < there, add, (0, tf.zeros(count)))[1]

    return chunk_sum  # type: ignore[no-any-return]
