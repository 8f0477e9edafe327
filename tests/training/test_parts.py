"""A batch in parts, side by side: the gradients of the whole."""

from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from latentlab.config.params import parse
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages.train import build

tf = start_tensorflow(seed=42, threads=1)
from latentlab.training import epoch  # noqa: E402
from latentlab.training.optimizers import build_optimizer  # noqa: E402
from latentlab.training.parts import in_parts, step_in_parts  # noqa: E402


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_sums_over_parts_are_means_over_the_batch(parts: int, rng: np.random.Generator) -> None:
    weight = tf.Variable(rng.random(3, np.float32))

    def gradients(batch: Any, seed: Any, share: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.linalg.matvec(batch, weight) ** 2) * share
        return {"loss": loss}, [tape.gradient(loss, weight)]

    batch, seed = tf.constant(rng.random((7, 3), np.float32)), tf.constant([1, 2])
    (one, (by_one,)), (other, (by_other,)) = gradients(batch, seed, 1.0), in_parts(gradients, parts)(batch, seed)
    np.testing.assert_allclose(other["loss"], one["loss"], rtol=1e-6)
    np.testing.assert_allclose(by_other, by_one, rtol=1e-6)


def test_each_part_has_a_seed_of_its_own() -> None:
    seed = tf.constant([1, 2])
    seeds = in_parts(lambda batch, seed, share: ({"loss": seed}, []), 2)(tf.zeros([2, 1]), seed)[0]["loss"]
    one, other = (tf.random.fold_in(seed, number) for number in (0, 1))
    assert (one.numpy() != other.numpy()).any()
    np.testing.assert_array_equal(seeds, one + other)


def test_threads_share_the_batches_of_an_lstm(
    tiny: dict[str, Any], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = parse(tiny).variant("lstm")
    size = variant.training.batch_size
    images = tf.constant(rng.integers(0, 256, (3 * size + 5, 28, 28, 1)).astype(np.uint8))
    start = build(variant, (28, 28, 1)).get_weights()

    def trained(threads: int) -> tuple[Autoencoder, dict[str, Any]]:
        monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: threads)
        autoencoder = build(variant, (28, 28, 1))
        autoencoder.set_weights(start)
        optimizer = build_optimizer(variant.training, autoencoder.weights, 4)
        return autoencoder, epoch.training_epoch(autoencoder, optimizer, images, variant.training, 1)(tf.constant(1))

    with monkeypatch.context() as patch:
        patch.setattr(epoch, "step_in_parts", None)  # not called
        one, losses = trained(1)
    watched = Mock(wraps=step_in_parts)
    monkeypatch.setattr(epoch, "step_in_parts", watched)
    other, others = trained(3)
    assert watched.call_args.args[2] == 3
    assert float(others["loss"]) == pytest.approx(float(losses["loss"]), rel=1e-5)
    for weight, expected in zip(other.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, atol=2e-4)
