"""Bounds of the likelihood, against models whose likelihood is known."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import bernoulli, multivariate_normal, norm

from latentlab.metrics import variational
from latentlab.storage.memory import Array

DRAWS = 500


def test_kl_by_dimension_of_known_gaussians() -> None:
    means = np.array([[0.0, 2.0, 0.0], [0.0, -4.0, 0.0]])
    log_vars = np.array([[0.0, 0.0, math.log(4)], [0.0, 0.0, math.log(4)]])
    expected = [0, (2 + 8) / 2, 0.5 * (4 - 1 - math.log(4))]  # m^2 / 2; (s^2 - 1 - log s^2) / 2
    assert variational.kl_by_dimension(means, log_vars) == pytest.approx(expected)


def test_kl_by_dimension_adds_up_to_kl(rng: np.random.Generator) -> None:
    means, log_vars = rng.normal(size=(2, 30, 4, 3, 2)).astype(np.float32)
    parts = variational.kl_by_dimension(means, log_vars)
    assert parts.shape == (24,)
    assert parts.dtype == np.float64
    assert parts.sum() == pytest.approx(variational.kl(means, log_vars), rel=1e-12)


def test_importance_weighted_by_hand() -> None:
    log_weights = np.log([[1.0, 3.0], [4.0, 4.0]])
    assert variational.importance_weighted(log_weights) == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert variational.importance_weighted(log_weights[:, :1]) == pytest.approx(log_weights[:, 0].mean())


def test_importance_weighted_of_logs_that_no_exponential_stands() -> None:
    log_weights = np.array([[-1e5, -1e5 + math.log(3)], [1e5, 1e5 + math.log(3)]])
    assert variational.importance_weighted(log_weights) == pytest.approx(math.log(2))
    assert variational.importance_weighted(np.full((1, 2), -1e30, np.float32)) == pytest.approx(-1e30)


def test_log_weights_are_three_densities(rng: np.random.Generator) -> None:
    images = rng.integers(0, 2, size=(20, 4, 4, 1), dtype=np.uint8) * np.uint8(255)
    decoded = rng.uniform(0.05, 0.95, size=images.shape)
    z, z_mean, z_log_var = rng.normal(size=(3, 20, 2, 3))
    likelihood = bernoulli.logpmf(images // 255, decoded).sum(axis=(1, 2, 3))
    prior = norm.logpdf(z).sum(axis=(1, 2))
    posterior = norm.logpdf(z, z_mean, np.exp(z_log_var / 2)).sum(axis=(1, 2))
    weights = variational.log_weights(images, decoded, z, z_mean, z_log_var)
    assert weights.dtype == np.float64
    assert weights == pytest.approx(likelihood + prior - posterior, rel=1e-10)
    assert variational.log_importance(likelihood, z, z_mean, z_log_var) == pytest.approx(weights, rel=1e-10)


def test_log_weights_are_the_elbo_on_average(rng: np.random.Generator) -> None:
    count = 20_000
    means, log_vars = np.tile([0.5, -1.0, 2.0], (count, 1)), np.tile([-1.0, 0.5, -3.0], (count, 1))
    z = means + np.exp(log_vars / 2) * rng.normal(size=means.shape)
    weights = variational.log_importance(np.zeros(count), z, means, log_vars)
    error = weights.std() / math.sqrt(count)
    assert weights.mean() == pytest.approx(-variational.kl(means, log_vars), abs=4 * error)


@pytest.mark.parametrize("log_var", [-1e30, -1000, 1000, 1e30])
def test_what_float32_has_no_exponential_of_is_finite(log_var: float) -> None:
    z, means = np.ones((4, 2), np.float32), np.zeros((4, 2), np.float32)
    log_vars = np.full((4, 2), log_var, np.float32)
    edge = np.full((4, 2), math.copysign(80, log_var))
    assert variational.kl(means, log_vars) == variational.kl(means, edge)
    assert np.isfinite(variational.kl_by_dimension(means, log_vars)).all()
    for codes in (z, means):  # 0 / 0 where the draw is the mean
        weights = variational.log_importance(np.zeros(4), codes, means, log_vars)
        assert weights.tolist() == variational.log_importance(np.zeros(4), codes, means, edge).tolist()
        assert np.isfinite(weights).all()


class Linear(NamedTuple):
    """Images x = W z + noise of a linear decoder: probabilistic PCA (Tipping and Bishop 1999)."""

    images: Array  # (n, P)
    weights: Array  # W, (P, D)
    noise: float

    def log_likelihood(self) -> float:
        """Mean of log p(x), which is N(0, W W' + noise^2 I)."""
        covariance = self.weights @ self.weights.T + self.noise**2 * np.eye(len(self.weights))
        return float(multivariate_normal(cov=covariance).logpdf(self.images).mean())

    def posterior(self) -> tuple[Array, Array]:
        """Means (n, D) and covariance (D, D) of p(z|x)."""
        precision = np.eye(self.weights.shape[1]) + self.weights.T @ self.weights / self.noise**2
        covariance = np.linalg.inv(precision)
        return self.images @ self.weights @ covariance / self.noise**2, covariance

    def log_weights(self, z_mean: Array, z_log_var: Array, rng: np.random.Generator) -> Array:
        """Of draws from N(z_mean, exp(z_log_var)), (n, draws)."""
        columns = []
        for _ in range(DRAWS):
            z = z_mean + np.exp(z_log_var / 2) * rng.normal(size=z_mean.shape)
            given_z = norm.logpdf(self.images, z @ self.weights.T, self.noise).sum(axis=1)
            columns.append(variational.log_importance(given_z, z, z_mean, z_log_var))
        return np.stack(columns, axis=1)


@pytest.fixture
def linear(rng: np.random.Generator) -> Linear:
    weights = rng.normal(size=(12, 3))
    z = rng.normal(size=(200, 3))
    return Linear(z @ weights.T + 0.7 * rng.normal(size=(200, 12)), weights, 0.7)


def test_with_the_true_posterior_each_draw_has_the_likelihood(linear: Linear, rng: np.random.Generator) -> None:
    turned = linear._replace(weights=np.linalg.qr(linear.weights)[0] * [3.0, 2.0, 1.0])  # a diagonal posterior
    means, covariance = turned.posterior()
    log_vars = np.tile(np.log(np.diag(covariance)), (len(means), 1))
    log_weights = turned.log_weights(means, log_vars, rng)
    assert np.ptp(log_weights, axis=1).max() < 1e-9
    for k in (1, 5, DRAWS):
        bound = variational.importance_weighted(log_weights[:, :k])
        assert bound == pytest.approx(turned.log_likelihood(), rel=1e-12)


def test_bounds_rise_to_the_likelihood(linear: Linear, rng: np.random.Generator) -> None:
    """An encoder that is a little off: no correlations, deviations too large, means beside the true ones."""
    means, covariance = linear.posterior()
    deviations = np.sqrt(np.diag(covariance))
    log_vars = np.tile(2 * np.log(1.4 * deviations), (len(means), 1))
    log_weights = linear.log_weights(means + 0.5 * deviations, log_vars, rng)  # (n, 500)
    # means over groups of k draws: with groups inside of groups they rise in every sample, not in expectation alone
    bounds = [variational.importance_weighted(log_weights.reshape(-1, k)) for k in (1, 5, 50, DRAWS)]
    known = linear.log_likelihood()
    error = log_weights.mean(axis=1).std() / math.sqrt(log_weights.size)
    assert all(looser < tighter for looser, tighter in pairwise(bounds))
    assert bounds[0] < known - 0.5
    assert known - 0.05 < bounds[-1] < known + 10 * error


def test_the_bound_of_one_draw_is_the_elbo(linear: Linear, rng: np.random.Generator) -> None:
    means, covariance = linear.posterior()
    variances = np.diag(covariance)
    log_vars = np.tile(np.log(variances), (len(means), 1))
    log_weights = linear.log_weights(means, log_vars, rng)
    # E log p(x|z) in closed form: the error of the mean, and the variance that the decoder carries to the image
    at_mean = norm.logpdf(linear.images, means @ linear.weights.T, linear.noise).sum(axis=1).mean()
    carried = (linear.weights**2 @ variances).sum() / linear.noise**2 / 2
    elbo = at_mean - carried - variational.kl(means, log_vars)
    error = log_weights.std() / math.sqrt(log_weights.size)
    assert variational.importance_weighted(log_weights.reshape(-1, 1)) == pytest.approx(elbo, abs=4 * error)
