"""Threads share a batch, each a part of it, where a net's operations are too small to be shared among threads."""

import itertools
from collections.abc import Callable

import tensorflow as tf

from latentlab.training.losses import Terms

Gradients = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[Terms, list[tf.Tensor]]]


def in_parts(gradients: Gradients, parts: int) -> Callable[[tf.Tensor, tf.Tensor], tuple[Terms, list[tf.Tensor]]]:
    """`gradients(batch, seed, share)` of each part of a batch, compiled by XLA, side by side; returns their sums.

    `share` is what a part's mean counts in the mean over the batch.
    """
    compiled = tf.function(gradients, jit_compile=True, autograph=False)

    def whole(batch: tf.Tensor, seed: tf.Tensor) -> tuple[Terms, list[tf.Tensor]]:
        size = tf.shape(batch)[0]
        bounds = [size * number // parts for number in range(parts + 1)]
        found = [
            compiled(batch[start:end], tf.random.fold_in(seed, number), tf.cast((end - start) / size, tf.float32))
            for number, (start, end) in enumerate(itertools.pairwise(bounds))
        ]
        return tf.nest.map_structure(lambda *each: tf.add_n(each), *found)  # type: ignore[no-any-return]

    return whole


def step_in_parts(
    gradients: Gradients, apply: Callable[[list[tf.Tensor]], None], parts: int
) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """A step `(batch, seed)` with the gradients of so many parts of the batch; `apply` updates weights by their sum."""
    update = tf.function(apply, jit_compile=True, autograph=False)
    gradients_of_all = in_parts(gradients, parts)

    def step(batch: tf.Tensor, seed: tf.Tensor) -> Terms:
        terms, by_weights = gradients_of_all(batch, seed)
        update(by_weights)
        return terms

    return step
