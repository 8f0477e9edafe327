"""The faster layers against Keras' own: values and gradients."""

from typing import Any

import keras
import numpy as np
import pytest

from latentlab.config.params import parse
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages.train import build

tf = start_tensorflow(seed=42, threads=1)
from latentlab.networks.normalization import made_portable  # noqa: E402
from latentlab.training import losses  # noqa: E402
from latentlab.training.equivalents import ends_in_sigmoid, faster  # noqa: E402

REPLACED = {
    "conv": {"UpsampledConvolution": 1},
    "denoise": {"UpsampledConvolution": 2},
    "lstm": {"ScannedLSTM": 1},
}


def values_and_gradients(model: keras.Model, inputs: Any, weights: list[Any], logits: bool) -> tuple[list[Any], Any]:
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(model(inputs, training=False))
        outputs = [tf.sigmoid(output) for output in outputs] if logits else outputs
        loss = tf.add_n([tf.reduce_sum(output**2) for output in outputs])
    return outputs, tape.gradient(loss, weights)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 12, 3)], ids=str)
@pytest.mark.parametrize("name", ["simple", "conv", "denoise", "lstm", "vae", "vae_conv", "vae_deconv"])
def test_values_and_gradients_are_those_of_the_saved_model(
    tiny: dict[str, Any], name: str, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    autoencoder = build(parse(tiny).variant(name), shape)
    for model in (autoencoder.encoder, autoencoder.decoder):
        quick, logits = faster(model), ends_in_sigmoid(model)
        assert logits == (model is autoencoder.decoder and name != "lstm")
        inputs = tf.constant(rng.random((3, *model.input_shape[1:]), np.float32))
        expected, gradients = values_and_gradients(model, inputs, model.trainable_weights, logits=False)
        found, others = values_and_gradients(quick, inputs, model.trainable_weights, logits)
        for one, other in zip([*expected, *gradients], [*found, *others], strict=True):
            scale = float(tf.reduce_max(tf.abs(one))) + 1e-3
            np.testing.assert_allclose(other, one, atol=2e-5 * scale)


@pytest.mark.parametrize("name", ["simple", "conv", "vae_conv"])
def test_batch_normalisation_is_that_of_keras(tiny: dict[str, Any], name: str, rng: np.random.Generator) -> None:
    tiny["variants"] = {name: tiny["variants"][name] | {"batch_norm": True}}
    model = build(parse(tiny).variant(name), (28, 28, 1)).encoder
    before = model.get_weights()
    images = tf.constant(rng.random((6, 28, 28, 1), np.float32))
    found: list[tuple[list[Any], ...]] = []
    for each in (model, made_portable(model), faster(model)):
        model.set_weights(before)
        with tf.GradientTape() as tape:
            outputs = tf.nest.flatten(each(images, training=True))
            loss = tf.add_n([tf.reduce_sum(output**2) for output in outputs])
        gradients = tape.gradient(loss, model.trainable_weights)
        used = tf.nest.flatten(each(images, training=False))  # by the statistics that training has moved
        found.append((outputs, gradients, model.get_weights(), used))
    for group, *others in zip(*found, strict=True):
        scale = max(float(tf.reduce_max(tf.abs(one))) for one in group)
        for other in others:
            for one, same in zip(group, other, strict=True):
                np.testing.assert_allclose(same, one, atol=2e-5 * scale)
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))


def test_a_model_without_batch_normalisation_is_left_as_it_is(tiny: dict[str, Any]) -> None:
    model = build(parse(tiny).variant("conv"), (28, 28, 1)).encoder
    assert made_portable(model) is model


def test_the_gradient_of_the_cross_entropy_of_pixels(rng: np.random.Generator) -> None:
    images, decoded = rng.random((2, 3, 4, 5, 1)).astype(np.float32)
    decoded[0, 0, 0] = 0  # clipped, hence without a gradient
    with tf.GradientTape() as tape:
        tape.watch(tensor := tf.constant(decoded))
        values = losses.pixel_bce(tf.constant(images), tensor)
    p = np.clip(decoded.astype(np.float64), losses.EPSILON, 1 - losses.EPSILON)
    np.testing.assert_allclose(values, -images * np.log(p) - (1 - images) * np.log1p(-p), rtol=1e-5)
    expected = np.where(decoded == 0, 0.0, (p - images) / (p * (1 - p)))
    np.testing.assert_allclose(tape.gradient(values, tensor), expected, rtol=1e-4)


@pytest.mark.parametrize("name", REPLACED)
def test_layers_are_replaced(tiny: dict[str, Any], name: str) -> None:
    layers = [type(layer).__name__ for layer in faster(build(parse(tiny).variant(name), (28, 28, 1)).decoder).layers]
    assert {kind: layers.count(kind) for kind in REPLACED[name]} == REPLACED[name]


def test_maxima_come_before_relu(tiny: dict[str, Any]) -> None:
    encoder = faster(build(parse(tiny).variant("conv"), (28, 28, 1)).encoder)
    names = [layer.name for layer in encoder.layers]
    assert names.index("conv1") < names.index("pool1") < names.index("conv1_relu") < names.index("conv2")


def test_cross_entropy_from_logits(rng: np.random.Generator) -> None:
    images = rng.random((4, 6, 5, 3)).astype(np.float32)
    logits = (4 * rng.normal(size=images.shape)).astype(np.float32)
    logits[0, 0, 0] = [80, -80, 200]  # far beyond what a probability in float32 can say
    wide = logits.astype(np.float64)
    expected = np.logaddexp(0, wide) - wide * images
    with tf.GradientTape() as tape:
        tape.watch(tensor := tf.constant(logits))
        found = losses.logits_bce(tf.constant(images), tensor)
    np.testing.assert_allclose(found, expected.sum(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(found, tensor), 1 / (1 + np.exp(-wide)) - images, atol=1e-6)
