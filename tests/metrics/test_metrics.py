"""Metrics against values worked out by hand or known from theory."""

import math

import numpy as np
import pytest

from latentlab.metrics import embedding, latent, reconstruction, variational
from latentlab.metrics.similarity import ssim

SHAPE = (4, 8, 8, 1)


def test_bce_by_hand() -> None:
    images = np.array([1.0, 0.0, 0.5, 1.0]).reshape(1, 2, 2, 1)
    predicted = np.array([0.5, 0.25, 0.5, 1.0]).reshape(1, 2, 2, 1)
    expected = (math.log(2) - math.log(0.75) + math.log(2) + 0) / 4
    assert reconstruction.bce(images, predicted) == pytest.approx(expected, abs=1e-7)


def test_bce_of_certain_and_wrong_is_finite() -> None:
    assert reconstruction.bce(np.ones(SHAPE), np.zeros(SHAPE)) == pytest.approx(-math.log(1e-7))


def test_errors_of_a_constant_offset() -> None:
    images = np.full(SHAPE, 0.5)
    assert reconstruction.mse(images, images + 0.1) == pytest.approx(0.01)
    assert reconstruction.psnr(images, images + 0.1) == pytest.approx(20.0)
    assert reconstruction.psnr(images, images) == 100.0


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (3, 8, 8, 1), (3, 4, 6, 3), (2, 3, 3, 1)])
def test_ssim(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    images = rng.random(shape)
    assert ssim(images, images) == pytest.approx(1.0)
    assert ssim(images, 1 - images) < 0 < ssim(images, images * 0.8 + 0.1) < 1


def test_counts_of_codes() -> None:
    features = np.array([[0.0, 1.0, 5.0], [0.0, 3.0, 5.0]])
    assert latent.mean_activation(features) == pytest.approx(14 / 6)
    assert latent.sparsity(features) == pytest.approx(2 / 6)
    assert latent.active_units(features) == 1


def test_classifiers_on_separate_clusters(rng: np.random.Generator) -> None:
    labels = np.repeat([0, 1, 2], 20)
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    train, test = (centres[labels] + rng.normal(size=(60, 2)) for _ in range(2))
    assert latent.knn_accuracy(train, labels, test, labels, 5) == 1.0
    assert latent.linear_probe_accuracy(train, labels, test, labels) == 1.0
    assert latent.knn_accuracy(train, labels, test, (labels + 1) % 3, 5) == 0.0


def test_a_linear_probe_cannot_learn_xor_and_k_nn_can(rng: np.random.Generator) -> None:
    points = rng.uniform(-1, 1, size=(400, 2))
    labels = (points.prod(axis=1) > 0).astype(int)
    halves = points[:200], labels[:200], points[200:], labels[200:]
    assert latent.linear_probe_accuracy(*halves) < 0.65
    assert latent.knn_accuracy(*halves, 5) > 0.9


def test_embedding_that_keeps_and_one_that_mixes(rng: np.random.Generator) -> None:
    points = rng.normal(size=(60, 2))
    labels = (points[:, 0] > 0).astype(int)
    assert embedding.trustworthiness(points, points * 2, 5) == pytest.approx(1.0)
    assert embedding.trustworthiness(points, rng.permutation(points), 5) < 0.7
    assert embedding.knn_accuracy(points, labels, 5) > 0.85


def test_no_point_votes_for_itself() -> None:
    points = np.array([[0.0], [0.1], [5.0], [5.1]])
    assert embedding.knn_accuracy(points, np.array([0, 1, 2, 3]), 1) == 0.0


def test_kl_of_known_gaussians() -> None:
    zeros = np.zeros((5, 3))
    assert variational.kl(zeros, zeros) == 0.0
    assert variational.kl(zeros + 2, zeros) == pytest.approx(3 * 2.0)  # m^2 / 2 a dimension
    assert variational.kl(zeros, zeros + math.log(4)) == pytest.approx(3 * 0.5 * (4 - 1 - math.log(4)))


def test_elbo_adds_up() -> None:
    images, sampled = np.ones(SHAPE), np.full(SHAPE, 0.5)
    mean, log_var = np.ones((4, 2)), np.zeros((4, 2))
    numbers = variational.evidence(images, sampled, mean, log_var)
    assert numbers["reconstruction"] == pytest.approx(64 * math.log(2))
    assert numbers["kl"] == pytest.approx(1.0)
    assert numbers["elbo"] == -(numbers["reconstruction"] + numbers["kl"])
