"""Codes that no one would want but that legal parameters lead to: a picture and numbers that say so, no crash."""

import warnings
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config.params import Evaluate
from latentlab.embedding.tsne import Method, embed
from latentlab.errors import UserError
from latentlab.figures.images import codes as codes_figure
from latentlab.metrics.latent import linear_probe_accuracy
from latentlab.metrics.scale import moderate
from latentlab.networks.codes import fine_axes, grid, linear_axes, quantile_axes
from latentlab.networks.mixture import mixture_codes
from latentlab.stages import evaluate, plot
from latentlab.storage.figure import write_figure
from tests.conftest import prepare_study, replace, run_stages

POINTS = 24
SPLITS = np.repeat(["train", "test"], POINTS)
LABELS = np.arange(2 * POINTS) % 3
METHODS: tuple[Method, ...] = ("sklearn", "opentsne")


def everything_from(features: np.ndarray[Any, Any], folder: Path, method: Method | None = None) -> dict[str, Any]:
    """All that stages make of the features (2 * POINTS, D) of as many training as test images; the numbers."""
    latents = {
        "features": features,
        "labels": LABELS,
        "split": SPLITS,
        "index": np.arange(2 * POINTS),
        "latent_shape": (features.shape[1],),
    }
    test = features[POINTS:]
    embedding, divergence = embed(test, 5, seed=1, method=method)
    assert embedding.shape == (POINTS, 2)
    assert np.isfinite(embedding).all()
    places = {"embedding": embedding, "kl_divergence": divergence}
    embedded = {"features": test, "labels": LABELS[POINTS:], "split": SPLITS[POINTS:], **places}
    numbers = {
        **evaluate.latent_metrics(latents, Evaluate(neighbours=3)),
        **{f"tsne/{name}": value for name, value in evaluate.tsne_metrics(embedded, Evaluate(neighbours=3)).items()},
    }
    assert all(np.isfinite(value) for value in numbers.values()), numbers
    decoded = {"random": mixture_codes(features, 5, np.random.default_rng(0))}
    assert np.isfinite(decoded["random"]).all()
    if features.shape[1] == 2:
        for axes_of in (linear_axes, quantile_axes, fine_axes):
            assert np.isfinite(grid(axes_of(features, False))).all()
    figures = plot.space_figures("v", latents, embedded, {}, {"0": "a", "1": "b", "2": "c"})
    images = np.zeros((2, 4, 4, 1))
    figures["codes"] = codes_figure(images, test[:2], (features.shape[1],), "codes")
    for name, figure in figures.items():
        write_figure(folder / f"{name}.png", figure)
    return numbers | {"title": figures["tsne"].get_suptitle()}


def constant(value: float, dimensions: int = 4) -> np.ndarray[Any, Any]:
    return np.full((2 * POINTS, dimensions), value, np.float32)


def spread(scale: float, offset: float = 0.0, dimensions: int = 4) -> np.ndarray[Any, Any]:
    draws = np.random.default_rng(0).standard_normal((2 * POINTS, dimensions))
    return (offset + scale * draws).astype(np.float32)


def one_entry_off() -> np.ndarray[Any, Any]:
    features = constant(1.0)
    features[-1, 0] += np.float32(1e-6)
    return features


def tiny_beside_one() -> np.ndarray[Any, Any]:
    return np.concatenate([constant(1.0, 1), spread(1e-30, dimensions=2)], axis=1)


KINDS = {
    "zero": constant(0.0),
    "the same": constant(-3.5),
    "two kinds": np.repeat(spread(1.0)[:2], POINTS, axis=0)[np.random.default_rng(1).permutation(2 * POINTS)],
    "one entry off": one_entry_off(),
    "one dimension": spread(1.0, dimensions=1),
    "one dimension, the same": constant(2.0, 1),
    "two dimensions": spread(1.0, dimensions=2),
    "three dimensions": spread(1.0, dimensions=3),
    "more dimensions than points": spread(1.0, dimensions=200),
    "on a line": spread(1.0, dimensions=1) * np.ones((1, 5), np.float32),
    "large": spread(1e30),
    "largest": spread(1e37),
    "small": spread(1e-30),
    "smallest": spread(1e-44),
    "far away": spread(1.0, offset=1e6),
    "tiny beside one": tiny_beside_one(),
}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_gives_numbers_and_pictures(name: str, method: Method, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numbers = everything_from(KINDS[name], tmp_path, method)
    same = name in ("zero", "the same", "one dimension, the same")
    assert (numbers["title"] == f"v: the codes of all {POINTS} test images are the same") == same
    if same:
        assert numbers["active_units"] == 0
        assert numbers["tsne/kl_divergence"] == 0


@pytest.mark.slow
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.just(2 * POINTS), st.integers(1, 5)),
        elements=st.one_of(
            st.sampled_from([0.0, 1.0, -1.0]), st.floats(-(2.0**120), 2.0**120, width=32, allow_nan=False)
        ),
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_any_finite_codes_give_numbers_and_pictures(
    tmp_path_factory: pytest.TempPathFactory, features: np.ndarray[Any, Any]
) -> None:
    everything_from(features, tmp_path_factory.mktemp("pictures"))


def test_ordinary_features_stay_as_they_are() -> None:
    for scale in (1e-6, 1.0, 1e6):
        features = spread(scale)
        assert moderate(features)[0] is features
    (shrunk,) = moderate(spread(1e30))
    np.testing.assert_allclose(shrunk / np.abs(shrunk).max(), spread(1.0) / np.abs(spread(1.0)).max(), rtol=1e-5)


def test_one_class_is_no_reason_to_stop() -> None:
    features, test_labels = spread(1.0), np.array([3, 3, 4, 3])
    assert linear_probe_accuracy(features, np.full(2 * POINTS, 3), features[:4], test_labels) == 0.75


@pytest.mark.slow
def test_codes_that_training_has_made_zero_go_through_the_pipeline(project: Path) -> None:
    """The penalty on the code wins: this ended in a segmentation fault of t-SNE."""
    text = Path("params.yaml").read_text().partition("variants:\n")[0]
    entry = "  gone: {model: dense, units: [8], activity_l1: 100.0, learning_rate: 0.05, epochs: 20, batch_size: 32}\n"
    Path("params.yaml").write_text(f"{text}variants:\n{entry}")
    run_stages(["gone"])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "perplexity: 10",
            "perplexity: 60",
            r"tsne\.perplexity: found 60, allowed: less than the 60 points \(in the test split\)",
        ),
        (
            "perplexity: 10, points: 1000",
            "perplexity: 10, points: 11",
            r"evaluate\.neighbours: found 6, allowed: less than half of the 11 points \(tsne\.points\)",
        ),
        (
            "perplexity: 10, points: 1000",
            "perplexity: 270, points: 1000, splits: [train, test]",
            r"tsne\.perplexity: found 270, allowed: less than the 270 points \(in the splits train and test\)",
        ),
        (
            "neighbours: 6",
            "neighbours: 30",
            r"evaluate\.neighbours: found 30, allowed: less than half of the 60 points \(in the test split\)",
        ),
    ],
)
def test_what_later_stages_need_is_checked_as_soon_as_the_images_are_counted(
    project: Path, old: str, new: str, line: str
) -> None:
    replace("neighbours: 5", "neighbours: 6")
    replace(old, new)
    with pytest.raises(UserError, match=rf"^params\.yaml: {line}"):
        prepare_study()
    assert not Path("data/prepared").exists()
    replace(new, old)
    assert prepare_study().endswith("test 60")
