"""What an architecture may return, and what a code may be: one line for anything else, right numbers for all of it."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from latentlab.config.params import parse
from latentlab.errors import UserError
from latentlab.metrics import variational
from latentlab.metrics.reconstruction import image_bce
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages import extract, train
from latentlab.training.fit import Fit
from latentlab.training.losses import gaussian_kl, loss_function

IMAGE = (6, 4, 1)


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    start_tensorflow(seed=42, threads=1)


def encoder(*codes: tuple[int, ...], images: tuple[int, ...] = IMAGE) -> keras.Model:
    inputs = keras.Input(images)
    flat = layers.Flatten()(inputs)
    outputs = [layers.Reshape(code)(layers.Dense(int(np.prod(code)))(flat)) for code in codes]
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


def decoder(code: tuple[int, ...], images: tuple[int, ...] = IMAGE) -> keras.Model:
    inputs = keras.Input(code)
    flat = layers.Dense(int(np.prod(images)))(layers.Flatten()(inputs))
    return keras.Model(inputs, layers.Activation("sigmoid")(layers.Reshape(images)(flat)))


def scalar_codes() -> keras.Model:
    inputs = keras.Input(IMAGE)
    return keras.Model(inputs, keras.ops.mean(inputs, axis=(1, 2, 3)))


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (lambda: None, "found NoneType, allowed: an Autoencoder of networks/autoencoder.py"),
    "a pair": (lambda: (encoder((3,)), decoder((3,))), "found tuple, allowed: an Autoencoder"),
    "three outputs": (
        lambda: Autoencoder(encoder((3,), (3,), (3,)), decoder((3,))),
        "found an encoder with 3 outputs, allowed: a code, or z_mean and z_log_var",
    ),
    "other images": (
        lambda: Autoencoder(encoder((3,), images=(5, 4, 1)), decoder((3,))),
        r"found an encoder of images of \(5, 4, 1\), allowed: \(6, 4, 1\)",
    ),
    "two shapes": (
        lambda: Autoencoder(encoder((3,), (2,)), decoder((3,))),
        r"found z_log_var of \(2,\), allowed: \(3,\) as z_mean",
    ),
    "no code": (
        lambda: Autoencoder(scalar_codes(), decoder((3,))),
        r"found codes of \(\), allowed: a fixed number of entries in one dimension or more",
    ),
    "another code": (
        lambda: Autoencoder(encoder((3,)), decoder((4,))),
        r"found a decoder of \[\(4,\)\], allowed: codes of \(3,\)",
    ),
    "smaller images": (
        lambda: Autoencoder(encoder((3,)), decoder((3,), images=(6, 3, 1))),
        r"found a decoder that gives \[\(6, 3, 1\)\], allowed: images of \(6, 4, 1\)",
    ),
}


def built(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]) -> Autoencoder:
    """What the stage makes of an architecture."""
    architecture = SimpleNamespace(build=lambda options, shape: make(), __file__="src/latentlab/models/mine.py")
    monkeypatch.setattr("latentlab.config.plugins.load", lambda *_: architecture)
    variant = SimpleNamespace(name="mine", learning=SimpleNamespace(model="mine"), options=None)
    return train.build(variant, IMAGE)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_autoencoder_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, expected = FAULTS[name]
    with pytest.raises(UserError, match=rf"^src/latentlab/models/mine\.py: build: {expected}") as raised:
        built(monkeypatch, make)
    assert "\n" not in str(raised.value)


CODES = [(3,), (2, 3), (2, 2, 3), (2, 1, 2, 2)]


@pytest.mark.parametrize("code", CODES, ids=str)
def test_codes_of_any_rank_have_the_divergence_of_their_entries(
    code: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In closed form, in the loss and in the metrics; and the loss is the sum of the parts over an image."""
    autoencoder = built(monkeypatch, lambda: Autoencoder(encoder(code, code), decoder(code)))
    rng = np.random.default_rng(0)
    mean, log_var = (rng.standard_normal((5, *code)).astype(np.float32) for _ in range(2))
    by_hand = [sum(0.5 * (m**2 + np.exp(v) - v - 1) for m, v in zip(ms.flat, vs.flat, strict=True))
               for ms, vs in zip(mean.astype(float), log_var.astype(float), strict=True)]  # fmt: skip
    np.testing.assert_allclose(gaussian_kl(keras.ops.convert_to_tensor(mean), log_var), by_hand, rtol=1e-5)
    assert variational.kl(mean, log_var) == pytest.approx(np.mean(by_hand), rel=1e-9)
    images = rng.random((5, *IMAGE)).astype(np.float32)
    terms = loss_function(autoencoder, 0.0, 0.0)(keras.ops.convert_to_tensor(images), np.array([1, 2]), training=False)
    z_mean, z_log_var = (np.asarray(part) for part in autoencoder.encoder(images))
    assert float(terms["kl_loss"]) == pytest.approx(variational.kl(z_mean, z_log_var), rel=1e-5)
    assert float(terms["loss"]) == pytest.approx(float(terms["kl_loss"]) + float(terms["reconstruction_loss"]))


def test_beta_and_the_deviation_are_what_the_loss_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (3,)
    usual = built(monkeypatch, lambda: Autoencoder(encoder(code, code), decoder(code)))
    images, seed = np.random.default_rng(0).random((5, *IMAGE)).astype(np.float32), np.array([1, 2])

    def terms(autoencoder: Autoencoder) -> dict[str, float]:
        found = loss_function(autoencoder, 0.0, 0.0)(keras.ops.convert_to_tensor(images), seed, training=False)
        return {name: float(value) for name, value in found.items()}

    plain, half = terms(usual), terms(replace(usual, beta=0.5))
    assert half["reconstruction_loss"] == plain["reconstruction_loss"]
    assert half["kl_loss"] == 0.5 * plain["kl_loss"] > 0
    assert half["loss"] == pytest.approx(half["reconstruction_loss"] + half["kl_loss"])
    still = terms(replace(usual, deviation=lambda z_log_var: 0 * z_log_var))  # the code is z_mean
    decoded = np.asarray(usual.decoder(usual.encoder(images)[0]))
    assert still["kl_loss"] == plain["kl_loss"]
    assert still["reconstruction_loss"] == pytest.approx(image_bce(images, decoded).mean(), rel=1e-5)
    assert still["reconstruction_loss"] != plain["reconstruction_loss"]


@pytest.mark.parametrize("code", CODES, ids=str)
def test_codes_of_any_rank_are_extracted_sampled_and_drawn(
    code: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    autoencoder = built(monkeypatch, lambda: Autoencoder(encoder(code, code), decoder(code)))
    images = np.random.default_rng(0).integers(0, 256, (7, *IMAGE), np.uint8)
    decoded = extract.reconstruct(autoencoder, images, 0.0, seed=1)
    assert decoded["sampled"].shape == decoded["reconstructions"].shape == images.shape
    assert decoded["z_mean"].shape == decoded["z_log_var"].shape == (7, *code)
    assert np.abs(decoded["sampled"] - decoded["reconstructions"]).max() > 0
    random = extract.generate(autoencoder, decoded["z_mean"], 30, seed=1)["random"]
    assert random.shape == (30, *IMAGE)
    splits = {"test": {"images": images, "index": np.arange(7)}}
    features = extract.latents("v", autoencoder, splits, {"test": [decoded["z_mean"]]})
    assert features["features"].shape == (7, int(np.prod(code)))
    assert features["latent_shape"] == code


def test_a_gpu_grows_its_memory_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    grown: list[str] = []
    real = tf.config.list_physical_devices
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind=None: ["one", "two"] if kind == "GPU" else real(kind)
    )
    monkeypatch.setattr(tf.config.experimental, "get_memory_growth", lambda gpu: gpu in grown)
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, on: grown.append(gpu))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": f"GPU {gpu}"})
    start_tensorflow(seed=42, threads=1)
    start_tensorflow(seed=42, threads=1)
    assert grown == ["one", "two"]
    assert train.device() == "GPU one, GPU two"
    monkeypatch.undo()
    assert train.device() == "CPU"


def test_the_error_of_the_kept_epoch_has_one_unit(tiny: dict[str, Any]) -> None:
    p = parse(tiny)
    kept = {"epoch": 1, "loss": 1.0, "validation_loss": 2.0, "validation_reconstruction_loss": 48.0}
    for name, expected in (("simple", 48.0), ("vae", 48 / 24)):
        about = train.summary(train.build(p.variant(name), IMAGE), Fit([kept], 1, 1))
        assert about["validation_bce"] == expected, name
        assert about["device"] == "CPU"
        assert about["numerics"].startswith("portable ")
