"""Grids over the latent space and random codes."""

import numpy as np
import pytest
from scipy.stats import norm

from latentlab.figures.examples import one_of_each_class
from latentlab.networks import codes
from latentlab.networks.mixture import mixture_codes


def test_variational_axes_follow_the_prior(rng: np.random.Generator) -> None:
    features = rng.normal(5, 1, size=(100, 2))
    linear, quantile = (axes(features, True) for axes in (codes.linear_axes, codes.quantile_axes))
    assert linear.shape == (2, 15)
    assert linear[0].tolist() == linear[1].tolist() == np.linspace(-3, 3, 15).tolist()
    assert quantile.shape == (2, 30)
    assert np.diff(norm.cdf(quantile[0])) == pytest.approx(0.9 / 29)  # equal probability between neighbours


def test_plain_axes_follow_the_features(rng: np.random.Generator) -> None:
    features = rng.exponential(size=(1000, 2)) * [1, 10]
    linear, quantile = (axes(features, False) for axes in (codes.linear_axes, codes.quantile_axes))
    assert linear[:, 0].tolist() == features.min(0).tolist()
    assert linear[:, -1] == pytest.approx(features.max(0))
    shares = [(features[:, 1] <= value).mean() for value in quantile[1]]
    assert shares == pytest.approx(np.linspace(0.05, 0.95, 30), abs=0.002)


def test_the_fine_grid_covers_nearly_all_codes_and_the_prior(rng: np.random.Generator) -> None:
    features = rng.normal([0, 5], [1, 2], size=(100_000, 2)).astype(np.float32)
    features[0] = 1e6  # one that is far off leaves the grid fine
    plain, variational = codes.fine_axes(features, False), codes.fine_axes(features, True)
    assert plain.shape == variational.shape == (2, 60)
    assert np.diff(plain, axis=1) == pytest.approx(np.ptp(plain, axis=1, keepdims=True).repeat(59, axis=1) / 59)
    inside = (features >= plain[:, 0]) & (features <= plain[:, -1])
    assert inside.mean(axis=0) == pytest.approx([0.998, 0.998], abs=1e-4)
    assert variational[:, 0].tolist() == [plain[0, 0], -3]
    assert variational[:, -1].tolist() == plain[:, -1].tolist()


def test_the_fine_grid_of_codes_that_are_all_the_same_has_a_width() -> None:
    for value in (0, 7, -1e30):
        axes = codes.fine_axes(np.full((10, 2), value, np.float32), False)
        assert (np.diff(axes, axis=1) > 0).all()
        assert axes[:, 0] == pytest.approx([value, value])


def test_grid_has_the_first_dimension_to_the_right_and_the_second_upwards() -> None:
    axes = np.array([[0, 1, 2], [10, 20, 30]])
    assert codes.grid(axes).reshape(3, 3, 2)[0].tolist() == [[0, 30], [1, 30], [2, 30]]
    assert codes.grid(axes).reshape(3, 3, 2)[2, 0].tolist() == [0, 10]


def test_random_codes(rng: np.random.Generator) -> None:
    features = np.maximum(rng.normal(2, 1, size=(500, 3)), 0)
    prior = codes.prior_codes(features, 4000, rng)
    assert prior.mean(0) == pytest.approx([0, 0, 0], abs=0.1)
    plain = mixture_codes(features, 4000, rng)
    assert plain.dtype == np.float32
    assert plain.mean(0) == pytest.approx(features.mean(0), abs=0.1)
    assert (plain >= 0).all()


def test_examples_take_turns_over_the_classes() -> None:
    labels = np.array([1, 1, 0, 2, 0, 1])
    assert one_of_each_class(labels, 3).tolist() == [2, 0, 3]
    assert one_of_each_class(labels, 5).tolist() == [2, 0, 3, 4, 1]
    assert one_of_each_class(labels, 99).tolist() == [2, 0, 3, 4, 1, 5]
