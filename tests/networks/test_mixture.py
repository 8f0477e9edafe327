"""Codes from a mixture: like those that it is fitted to, from arguments alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from latentlab.networks.codes import random_codes
from latentlab.networks.mixture import mixture_codes
from latentlab.storage.memory import Array


def clusters(rng: np.random.Generator, count: int, dimensions: int) -> Array:
    """Codes (count, D) in three groups far apart, one of them with half of all."""
    centres = 20 * np.eye(3, dimensions)
    which = rng.choice(3, count, p=[0.5, 0.25, 0.25])
    return (centres[which] + rng.normal(size=(count, dimensions))).astype(np.float32)


def drawn(features: Array, count: int = 1000, seed: int = 1, components: int = 20) -> Array:
    return mixture_codes(features, count, np.random.default_rng(seed), components)


@pytest.mark.parametrize("dimensions", [3, 32, 80])
def test_draws_are_in_the_groups_where_the_codes_are(rng: np.random.Generator, dimensions: int) -> None:
    features = clusters(rng, 3000, dimensions)
    draws = drawn(features, 2000, components=3)
    assert draws.shape == (2000, dimensions)
    assert draws.dtype == np.float32
    centres = 20 * np.eye(3, dimensions)
    distances = np.linalg.norm(draws[:, None] - centres, axis=2)  # (2000, 3)
    assert distances.min(axis=1).max() < 6 + np.sqrt(dimensions)
    shares = np.bincount(distances.argmin(axis=1), minlength=3) / 2000
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.05)


def test_moments_are_those_of_the_codes(rng: np.random.Generator) -> None:
    features = (rng.gamma(2, size=(5000, 4)) @ rng.normal(size=(4, 4))).astype(np.float32)
    draws = drawn(features, 5000)
    assert draws.mean(axis=0) == pytest.approx(features.mean(axis=0), abs=0.15)
    assert draws.std(axis=0) == pytest.approx(features.std(axis=0), rel=0.05)
    assert np.corrcoef(draws.T) == pytest.approx(np.corrcoef(features.T), abs=0.1)


def test_a_mixture_is_nearer_to_the_codes_than_one_normal(rng: np.random.Generator) -> None:
    features = clusters(rng, 2000, 3)
    centres = 20 * np.eye(3)
    far = [
        float((np.linalg.norm(draws[:, None] - centres, axis=2).min(axis=1) > 6).mean())
        for draws in (drawn(features), random_codes(features, 1000, False, rng))
    ]
    assert far[0] < 0.01 < 0.5 < far[1]


def test_draws_come_in_random_order(rng: np.random.Generator) -> None:
    draws = drawn(clusters(rng, 2000, 3))
    assert draws[:100].mean(axis=0) == pytest.approx(draws[-100:].mean(axis=0), abs=6)


@pytest.mark.parametrize("dimensions", [2, 300])
def test_bytes_follow_from_the_arguments(rng: np.random.Generator, dimensions: int) -> None:
    features = clusters(rng, 2000, dimensions)
    results = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            results.append(drawn(features, 50).tobytes())
    assert len(set(results)) == 1
    assert drawn(features, 50, seed=2).tobytes() != results[0]


def test_it_is_fitted_to_some_rows_of_many(rng: np.random.Generator) -> None:
    features = clusters(rng, 30_000, 3)
    assert drawn(features, 3000, components=3).mean(axis=0) == pytest.approx(features.mean(axis=0), abs=1)


@pytest.mark.parametrize("dimensions", [1, 3, 50])
@pytest.mark.parametrize("value", [0.0, 0.1, -3e38, 1e-45])
def test_codes_that_are_all_equal_are_drawn_again(dimensions: int, value: float) -> None:
    for count in (1, 7, 10_500):
        features = np.full((count, dimensions), value, np.float32)
        assert (drawn(features, 10) == features[0]).all()


@pytest.mark.parametrize("dimensions", [1, 3, 50])
@pytest.mark.parametrize("count", [2, 3, 19, 33])
def test_few_rows(rng: np.random.Generator, count: int, dimensions: int) -> None:
    features = rng.normal(size=(count, dimensions)).astype(np.float32)
    draws = drawn(features)
    assert (draws >= features.min(axis=0)).all()
    assert (draws <= features.max(axis=0)).all()
    assert (draws.std(axis=0) > 0.3 * features.std(axis=0)).all()


def test_units_that_are_off_stay_off(rng: np.random.Generator) -> None:
    features = np.maximum(rng.normal(size=(500, 40)) - np.linspace(-1, 1, 40), 0).astype(np.float32)
    features[:, 5], features[:, 6] = 0, 0.3
    draws = drawn(features)
    assert (draws >= 0).all()
    assert (draws[:, 5] == 0).all()
    assert (draws[:, 6] == np.float32(0.3)).all()


@pytest.mark.parametrize("dimensions", [2, 40])
@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1e20, 1e37])
def test_the_scale_of_codes_is_that_of_draws(rng: np.random.Generator, dimensions: int, scale: float) -> None:
    features = clusters(rng, 300, dimensions).astype(np.float64)
    draws = drawn((features * scale).astype(np.float32), 500)
    assert draws / scale == pytest.approx(drawn(features.astype(np.float32), 500), rel=1e-3, abs=1e-2)


def test_one_component_is_one_normal(rng: np.random.Generator) -> None:
    features = rng.normal(3, 2, size=(4000, 1)).astype(np.float32)
    draws = drawn(features, 4000, components=1)
    assert draws.mean() == pytest.approx(3, abs=0.15)
    assert draws.std() == pytest.approx(2, abs=0.1)


def test_no_draws(rng: np.random.Generator) -> None:
    assert drawn(clusters(rng, 30, 3), 0).shape == (0, 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 45), st.sampled_from([1e-30, 1.0, 1e30]))
def test_any_codes_give_draws_in_their_range(seed: int, count: int, dimensions: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    features = (rng.integers(-1, 2, size=(count, dimensions)) * scale).astype(np.float32)
    draws = drawn(features, 20)
    assert np.isfinite(draws).all()
    assert (draws >= features.min(axis=0)).all()
    assert (draws <= features.max(axis=0)).all()
