"""Losses against the numpy metrics, and what a training run must do."""

import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest

from latentlab.config.params import parse
from latentlab.config.variants import Variant
from latentlab.errors import UserError
from latentlab.metrics import reconstruction, variational
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages.train import build
from latentlab.storage.keras import read_keras, write_keras
from tests.conftest import ROOT, build_without_xla

tf = start_tensorflow(seed=42, threads=1)
from latentlab.training import losses  # noqa: E402
from latentlab.training.callbacks import Callbacks  # noqa: E402
from latentlab.training.fit import Fit, fit  # noqa: E402
from latentlab.training.optimizers import build_optimizer  # noqa: E402

DIGITS = (np.random.default_rng(0).random((96, 8, 8, 1)) ** 4 * 255).astype(np.uint8)
TRAIN, VALIDATION = DIGITS[:70], DIGITS[70:]  # 70: the last batch of 32 is smaller


def variant(tiny: dict[str, Any], name: str = "simple", **settings: Any) -> Variant:
    tiny["variants"] = {name: {**tiny["variants"][name], **settings}}
    return parse(tiny).variant(name)


def trained(v: Variant, seed: int = 42, xla: bool = False) -> tuple[Any, Fit]:
    start_tensorflow(seed, threads=1)
    autoencoder = build(v, (8, 8, 1)) if xla else build_without_xla(v, (8, 8, 1))
    return autoencoder, fit(autoencoder, TRAIN, VALIDATION, v, seed)


def weights(autoencoder: Any) -> bytes:
    return b"".join(w.tobytes() for w in autoencoder.encoder.get_weights() + autoencoder.decoder.get_weights())


def test_losses_equal_the_metrics(rng: np.random.Generator) -> None:
    images, decoded = rng.random((2, 5, 4, 4, 1)).astype(np.float32)
    mean, log_var = rng.normal(size=(2, 5, 3)).astype(np.float32)
    assert losses.pixel_bce(images, decoded).numpy().mean() == pytest.approx(
        reconstruction.bce(images, decoded), rel=1e-5
    )
    divergence = losses.gaussian_kl(tf.constant(mean), tf.constant(log_var)).numpy()
    assert divergence.mean() == pytest.approx(variational.kl(mean, log_var), rel=1e-5)


def test_sampled_codes_have_the_standard_deviation_of_the_log_variance() -> None:
    z_mean, z_log_var = tf.fill([20_000, 1], 3.0), tf.fill([20_000, 1], float(np.log(4.0)))
    draws = losses.sample_code(z_mean, losses.deviation(z_log_var), tf.constant([1, 2])).numpy()
    assert draws.mean() == pytest.approx(3.0, abs=0.06)
    assert draws.std() == pytest.approx(2.0, abs=0.06)


def test_noise_is_clipped_and_has_its_strength() -> None:
    noisy = losses.noisy(tf.fill([1, 100, 100, 1], 0.5), 0.1, tf.constant([1, 2])).numpy()
    assert noisy.std() == pytest.approx(0.1, rel=0.05)
    strong = losses.noisy(tf.zeros([1, 50, 50, 1]), 5.0, tf.constant([1, 2])).numpy()
    assert (strong.min(), strong.max()) == (0.0, 1.0)


def test_loss_falls_and_history_counts_from_one(tiny: dict[str, Any]) -> None:
    _, result = trained(variant(tiny, epochs=8, learning_rate=0.01))
    assert [row["epoch"] for row in result.history] == list(range(1, 9))
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.kept_epoch == 8


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adadelta"])
def test_every_optimizer_learns_at_its_default_rate(tiny: dict[str, Any], optimizer: str) -> None:
    _, result = trained(variant(tiny, epochs=15, optimizer=optimizer))
    assert result.history[-1]["loss"] < 0.97 * result.history[0]["loss"]


def and_slowly(*names: str) -> list[Any]:
    """Variants that take seconds more."""
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", ["simple", *and_slowly("denoise", "vae")])
def test_same_seed_same_bytes_and_another_seed_others(tiny: dict[str, Any], name: str) -> None:
    v = variant(tiny, name)
    xla = name == "simple"
    (one, first), (again, second), (other, _) = (trained(v, seed, xla) for seed in (42, 42, 1))
    assert weights(one) == weights(again)
    assert first == second
    assert weights(one) != weights(other)


def test_terms_of_a_variational_loss_add_up(tiny: dict[str, Any]) -> None:
    _, result = trained(variant(tiny, "vae"))
    for row in result.history:
        for prefix in ("", "validation_"):
            parts = row[f"{prefix}reconstruction_loss"] + row[f"{prefix}kl_loss"]
            assert row[f"{prefix}loss"] == pytest.approx(parts, rel=1e-5)
    assert 10 < result.history[0]["reconstruction_loss"] < 64  # summed over 64 pixels, not averaged


def test_best_epoch_is_kept_on_request(tiny: dict[str, Any]) -> None:
    diverging: dict[str, Any] = {"epochs": 6, "learning_rate": 0.1}
    autoencoder, result = trained(variant(tiny, keep="best", **diverging))
    validation = [row["validation_loss"] for row in result.history]
    assert result.kept_epoch == result.best_epoch == int(np.argmin(validation)) + 1
    images = VALIDATION / np.float32(255)
    decoded = autoencoder.decoder(autoencoder.encoder(images)).numpy()
    assert reconstruction.bce(images, decoded) == pytest.approx(min(validation), rel=1e-4)


def test_an_l1_penalty_makes_codes_smaller(tiny: dict[str, Any]) -> None:
    codes = []
    for weight in (0.0, 0.002):
        autoencoder, result = trained(variant(tiny, epochs=10, activity_l1=weight, learning_rate=0.01))
        codes.append(autoencoder.encoder(TRAIN / np.float32(255)).numpy().mean())
        assert (result.history[-1]["loss"] > result.history[-1]["reconstruction_loss"]) == (weight > 0)
    assert codes[1] < 0.8 * codes[0]


def test_validation_data_do_not_train(tiny: dict[str, Any]) -> None:
    v = variant(tiny)
    one, _ = trained(v)
    start_tensorflow(42, threads=1)
    other = build_without_xla(v, (8, 8, 1))
    fit(other, TRAIN, 255 - VALIDATION, v, 42)
    assert weights(one) == weights(other)


def test_a_loss_that_is_not_finite_stops_with_one_line(tiny: dict[str, Any]) -> None:
    v = variant(tiny, "vae", learning_rate=1e30)
    with pytest.raises(UserError, match="variant vae: loss is not finite in epoch 1; try a lower learning_rate"):
        trained(v)


@pytest.mark.slow
def test_mixed_precision() -> None:
    """In a process of its own: AVX2, which `portable` keeps to, has no instructions for it."""
    command = [sys.executable, "-m", "pytest", "-n0", "--no-cov", "tests/training/mixed_precision.py"]
    native = os.environ | {"LATENTLAB_TESTS_NUMERICS": "native"}
    done = subprocess.run(command, cwd=ROOT, env=native, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_early_stopping_ends_a_training_that_gains_nothing(tiny: dict[str, Any]) -> None:
    _, result = trained(variant(tiny, epochs=50, early_stopping={"patience": 2, "min_delta": 1.0}))
    assert len(result.history) == 3


@pytest.mark.parametrize(("kind", "last"), [("cosine", 0.001), ("exponential", 0.001), ("plateau", 0.01)])
def test_schedules_end_at_their_factor(tiny: dict[str, Any], kind: str, last: float) -> None:
    settings = variant(tiny, epochs=4, learning_rate=0.01, learning_rate_schedule={"kind": kind}).training
    optimizer = build_optimizer(settings, [keras.Variable(1.0)], steps_per_epoch=5)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    optimizer.iterations.assign(20)
    assert float(optimizer.learning_rate) == pytest.approx(last)


def test_a_plateau_lowers_the_learning_rate(tiny: dict[str, Any]) -> None:
    schedule = {"kind": "plateau", "factor": 0.5, "patience": 2}
    settings = variant(tiny, learning_rate=0.01, learning_rate_schedule=schedule).training
    optimizer = build_optimizer(settings, [keras.Variable(1.0)], steps_per_epoch=5)
    callbacks = Callbacks(settings, optimizer)
    rates = []
    for epoch, loss in enumerate([1.0, 0.9, 0.9, 0.9, 0.8], 1):
        callbacks.epoch_ends({"epoch": epoch, "validation_loss": loss})
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.005])


@pytest.mark.parametrize("name", ["conv", "lstm", "vae"])
def test_saved_models_are_equal_bytes_and_open_again(tiny: dict[str, Any], name: str, tmp_path: Any) -> None:
    v = variant(tiny, name)
    for folder in ("a", "b"):
        start_tensorflow(42, threads=1)
        autoencoder = build(v, (8, 8, 1))
        write_keras(tmp_path / folder / "encoder.keras", autoencoder.encoder)
    assert (tmp_path / "a/encoder.keras").read_bytes() == (tmp_path / "b/encoder.keras").read_bytes()
    again = read_keras(tmp_path / "a/encoder.keras")
    images = VALIDATION / np.float32(255)
    for one, other in zip(tf.nest.flatten(again(images)), tf.nest.flatten(autoencoder.encoder(images)), strict=True):
        assert (one.numpy() == other.numpy()).all()


def test_a_damaged_model_is_named(tmp_path: Any) -> None:
    (tmp_path / "encoder.keras").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UserError, match=r"encoder\.keras: cannot be read, damaged or truncated"):
        read_keras(tmp_path / "encoder.keras")
    with pytest.raises(UserError, match=r"none\.keras: no such file"):
        read_keras(tmp_path / "none.keras")
