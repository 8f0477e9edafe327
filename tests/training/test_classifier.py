"""How the classifier learns: its loss, and that the same seed gives the same weights."""

import keras
import numpy as np
import pytest

from latentlab.numerics.tensorflow import start_tensorflow

tf = start_tensorflow(seed=42, threads=1)
from latentlab.networks.classifier import build  # noqa: E402
from latentlab.storage.memory import Array  # noqa: E402
from latentlab.training.classifier import cross_entropy, fit  # noqa: E402


def test_the_loss_and_its_gradient_are_those_of_keras(rng: np.random.Generator) -> None:
    classes, logits = np.arange(40) % 7, tf.constant(rng.normal(0, 5, (40, 7)).astype(np.float32))
    losses = []
    gradients = []
    for loss in (cross_entropy, lambda y, z: keras.losses.sparse_categorical_crossentropy(y, z, from_logits=True)):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses.append(loss(classes, logits))
        gradients.append(tape.gradient(losses[-1], logits))
    for ours, expected in (losses, gradients):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_the_loss_of_large_logits_is_finite() -> None:
    logits = tf.constant([[1e4, -1e4], [-1e4, 1e4]])
    assert cross_entropy(np.array([[0], [0]]), logits).numpy().tolist() == [0, 2e4]


def learnt(seed: int, images: Array, classes: Array) -> list[Array]:
    keras.utils.set_random_seed(seed)
    classifier = build(images.shape[1:], 2)
    fit(classifier, images, classes, 2, 8)
    return classifier.get_weights()  # type: ignore[no-any-return]


@pytest.mark.slow
def test_the_seed_alone_decides(rng: np.random.Generator) -> None:
    images, classes = rng.integers(0, 256, (20, 8, 8, 1)).astype(np.uint8), np.arange(20) % 2
    one, again, other = (learnt(seed, images, classes) for seed in (1, 1, 2))
    assert all((first == second).all() for first, second in zip(one, again, strict=True))
    assert any((first != second).any() for first, second in zip(one, other, strict=True))
