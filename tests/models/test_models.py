"""Architectures: the published parameter counts, any image size, plain Keras."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentlab.config import plugins
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages.train import build
from tests.conftest import committed_params

MNIST = (28, 28, 1)
QUICK = committed_params()

# encoder and decoder, for 28x28x1
GOLDEN = {
    "simple": (25_120, 25_872),
    "sparse": (25_120, 25_872),
    "deep": (110_816, 111_568),
    "conv": (1_904, 2_481),
    "denoise": (9_568, 18_785),
    "lstm": (7_808, 6_832),
    "vae": (403_972, 403_728),
    "vae_conv": (69_076, 65_089),
    "vae_deconv": (1_680_457, 1_729_601),
    "pca": (25_120, 25_872),
    "raw": (0, 0),
}
TOTALS = {"simple": 50_992, "deep": 222_384, "conv": 4_385, "denoise": 28_353, "lstm": 14_640, "vae": 807_700}

# published nets that are options of an architecture, for 28x28x1
OPTIONS: list[tuple[str, dict[str, Any], int, tuple[int, ...]]] = [
    ("vae", {"units": [256]}, 404_244, (2,)),
    ("conv", {"filters": [32, 16, 16], "batch_norm": True, "bias": False}, 17_216, (4, 4, 16)),
    ("conv", {"filters": [32, 32, 32], "batch_norm": True, "bias": False}, 47_424, (4, 4, 32)),
]
VARIATIONAL = ["vae", "vae_conv", "vae_deconv", "vae_slips"]
SIZES = [MNIST, (8, 8, 1), (32, 32, 3), (48, 64, 3), (29, 31, 2)]


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    start_tensorflow(seed=42, threads=1)


def made(model: str, image_shape: tuple[int, int, int], **options: Any) -> Autoencoder:
    module = plugins.load("models", model, "model")
    return module.build(module.Options(**options), image_shape)  # type: ignore[no-any-return]


def test_the_quick_study_has_the_nine_variants_and_the_baselines() -> None:
    assert list(QUICK.variants) == list(GOLDEN)


@pytest.mark.parametrize("variant", GOLDEN)
def test_golden_parameter_counts(variant: str) -> None:
    counts = build(QUICK.variant(variant), MNIST).parameters()
    assert (counts["encoder"], counts["decoder"]) == GOLDEN[variant]
    assert counts["total"] == TOTALS.get(variant, sum(GOLDEN[variant]))


@pytest.mark.parametrize(("model", "options", "total", "latent_shape"), OPTIONS)
def test_published_options(model: str, options: dict[str, Any], total: int, latent_shape: tuple[int, ...]) -> None:
    autoencoder = made(model, MNIST, **options)
    assert autoencoder.parameters()["total"] == total
    assert autoencoder.latent_shape == latent_shape


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("model", plugins.available("models"))
def test_images_come_back_in_their_own_size(model: str, shape: tuple[int, int, int]) -> None:
    autoencoder = made(model, shape)
    images = np.random.default_rng(0).random((2, *shape), np.float32)
    outputs = autoencoder.encoder(images)
    code = outputs[0] if autoencoder.variational else outputs
    assert code.shape == (2, *autoencoder.latent_shape)
    decoded = np.asarray(autoencoder.decoder(code))
    assert decoded.shape == images.shape
    assert (decoded >= 0).all()
    assert (decoded <= 1).all()
    assert autoencoder.variational == isinstance(outputs, list)


@pytest.mark.parametrize("model", plugins.available("models"))
def test_only_built_in_layers_with_names_of_their_own(model: str) -> None:
    first, second = made(model, MNIST), made(model, MNIST)
    for one, other in zip((first.encoder, first.decoder), (second.encoder, second.decoder), strict=True):
        assert [layer.name for layer in one.layers] == [layer.name for layer in other.layers]  # no running numbers
        assert {type(layer).__module__.split(".")[0] for layer in one.layers} == {"keras"}


@pytest.mark.parametrize("model", ["dense", "conv", "vae", "vae_conv"])
def test_batch_norm_reaches_the_network(model: str) -> None:
    plain, normed = (made(model, MNIST, batch_norm=flag).parameters()["total"] for flag in (False, True))
    assert normed > plain


@pytest.mark.parametrize("model", VARIATIONAL)
def test_latent_dim_and_beta_reach_the_network(model: str) -> None:
    autoencoder = made(model, MNIST, latent_dim=5, beta=0.2)
    assert (autoencoder.latent_shape, autoencoder.beta) == ((5,), 0.2)
    assert made(model, MNIST).beta == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [0.5, 1, 2]), ({"exponent": 1.0}, [0.25, 1, 4]), ({"exponent": 1.0, "scale": 0.1}, [0.025, 0.1, 0.4])],
)
def test_slips_are_in_the_deviation_alone(options: dict[str, float], expected: list[float]) -> None:
    autoencoder = made("vae_slips", MNIST, **options)
    assert autoencoder.deviation is not None
    np.testing.assert_allclose(autoencoder.deviation(np.log([0.25, 1, 4]).astype(np.float32)), expected, rtol=1e-6)
    assert [w.shape for w in autoencoder.get_weights()] == [w.shape for w in made("vae", MNIST).get_weights()]
    assert made("vae", MNIST).deviation is None


@pytest.mark.slow
def test_a_users_own_keras_settings_change_no_model(tmp_path: Path) -> None:
    settings = {"image_data_format": "channels_first", "floatx": "float64", "epsilon": 0.1, "backend": "torch"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    script = """
from latentlab.numerics.tensorflow import start_tensorflow
start_tensorflow(1, 1)
from latentlab.models.conv import Options, build
autoencoder = build(Options(), (28, 28, 1))
print(autoencoder.latent_shape, autoencoder.get_weights()[0].dtype)
import keras
print(keras.config.epsilon())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"KERAS_HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.stdout == "(4, 4, 8) float32\n1e-07\n", done.stderr
