"""Distances of generated images from real ones: closed forms, brute force, another library's numbers."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from latentlab.metrics import generation
from latentlab.storage.memory import Array


def with_moments(mean: Array, root: Array, rng: np.random.Generator) -> Array:
    """Features (500, D) whose mean and covariance root @ root.T are as said, up to rounding."""
    draws = rng.normal(size=(500, len(root)))
    draws -= draws.mean(axis=0)
    draws = draws @ np.linalg.inv(np.linalg.cholesky(np.cov(draws, rowvar=False))).T
    features: Array = mean + draws @ root.T
    return features


def test_frechet_distance_of_independent_normals(rng: np.random.Generator) -> None:
    one = with_moments(np.array([0.0, 1.0, 2.0]), np.diag([1.0, 2.0, 0.5]), rng)
    other = with_moments(np.array([1.0, 1.0, 0.0]), np.diag([3.0, 2.0, 0.0]), rng)
    expected = (1 + 0 + 4) + (4 + 0 + 0.25)  # squares of what means and deviations differ by
    assert generation.frechet_distance(one, other) == pytest.approx(expected, rel=1e-12)
    assert generation.frechet_distance(other, one) == pytest.approx(expected, rel=1e-12)


def test_frechet_distance_by_the_root_of_the_product(rng: np.random.Generator) -> None:
    one, other = (rng.normal(size=(300, 12)) @ rng.normal(size=(12, 12)) + rng.normal(size=12) for _ in range(2))
    covariances = [np.cov(each, rowvar=False) for each in (one, other)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    shift = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    expected = shift + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert generation.frechet_distance(one, other) == pytest.approx(expected, rel=1e-10)


def test_frechet_distance_of_a_shift_and_a_scale(rng: np.random.Generator) -> None:
    features = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5))
    shift = np.arange(5.0)
    assert generation.frechet_distance(features, features + shift) == pytest.approx(30, rel=1e-12)
    centred = features - features.mean(axis=0)
    assert generation.frechet_distance(centred, 3 * centred) == pytest.approx(4 * np.cov(centred.T).trace(), rel=1e-12)


def test_frechet_distance_of_covariances_without_full_rank(rng: np.random.Generator) -> None:
    few = rng.normal(size=(6, 40)).astype(np.float32)
    assert 0 <= generation.frechet_distance(few, few) < 1e-20
    plane, across = np.eye(4)[:, :2], np.eye(4)[:, 2:]
    two = (with_moments(np.zeros(2), np.eye(2), rng) @ directions.T for directions in (plane, across))
    assert generation.frechet_distance(*two) == pytest.approx(4, rel=1e-12)  # the product of the covariances is 0


def test_frechet_distance_from_a_point_is_the_variance_around_it(rng: np.random.Generator) -> None:
    features = with_moments(np.zeros(3), np.diag([1.0, 2.0, 3.0]), rng)
    assert generation.frechet_distance(features, np.zeros((1, 3))) == pytest.approx(14, rel=1e-12)
    assert generation.frechet_distance(np.ones((5, 3)), np.zeros((7, 3))) == 3
    assert generation.frechet_distance(np.ones((5, 1)), np.ones((7, 1))) == 0


def test_frechet_distance_adds_up_over_chunks(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = rng.normal(size=(100, 4)), rng.normal(1, 2, size=(80, 4))
    whole = generation.frechet_distance(one, other)
    monkeypatch.setattr("latentlab.storage.memory.CHUNK_PIXELS", 28)
    assert generation.frechet_distance(one, other) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-38, 1e-15, 1e15, 1e37])
def test_frechet_distance_has_squared_units(rng: np.random.Generator, scale: float) -> None:
    one, other = rng.normal(size=(50, 4)), rng.normal(1, 2, size=(60, 4))
    scaled = ((each * scale).astype(np.float32) for each in (one, other))
    expected = generation.frechet_distance(one, other) * scale**2
    assert generation.frechet_distance(*scaled) == pytest.approx(expected, rel=1e-5, abs=0)


def brute_force(real: Array, generated: Array, k: int) -> dict[str, float]:
    """The formulas as they stand in the papers."""
    across = cdist(real, generated)  # (N, M)
    real_radii, generated_radii = (np.sort(cdist(each, each))[:, k] for each in (real, generated))
    return {
        "precision": float(np.mean([(across[:, j] <= real_radii).any() for j in range(len(generated))])),
        "recall": float(np.mean([(across[i] <= generated_radii).any() for i in range(len(real))])),
        "density": float(sum((across[:, j] <= real_radii).sum() for j in range(len(generated))) / k / len(generated)),
        "coverage": float(np.mean([(across[i] <= real_radii[i]).any() for i in range(len(real))])),
    }


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize("dimensions", [1, 2, 10])
def test_prdc_by_brute_force(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, dimensions: int, neighbours: int
) -> None:
    real = rng.normal(size=(130, dimensions)).astype(np.float32)
    generated = rng.normal(0.5, 0.8, size=(90, dimensions)).astype(np.float32)
    monkeypatch.setattr(generation, "CHUNK_PIXELS", 1000)  # several blocks
    expected = brute_force(real, generated, neighbours)
    assert generation.prdc(real, generated, neighbours) == pytest.approx(expected, rel=1e-12)


# seed, mean and deviation of generated rows: precision, recall, density, coverage
GOLDEN = {
    (0, 0.0, 1.0): (0.9425, 0.924, 0.96, 0.936),
    (1, 0.5, 1.0): (0.86, 0.82, 0.8335, 0.756),
    (2, 0.0, 0.5): (1.0, 0.202, 2.2385, 0.836),
    (3, 0.0, 2.0): (0.235, 1.0, 0.097, 0.258),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_prdc_as_the_package_prdc_has_it(case: tuple[int, float, float]) -> None:
    """Numbers of `compute_prdc` of prdc 0.2 on the same draws."""
    seed, shift, deviation = case
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(500, 8)).astype(np.float32)
    generated = rng.normal(shift, deviation, size=(400, 8)).astype(np.float32)
    precision, recall, density, coverage = GOLDEN[case]
    expected = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    assert generation.prdc(real, generated) == pytest.approx(expected, rel=1e-12)


def test_prdc_tells_what_is_missing_from_what_is_wrong() -> None:
    rng = np.random.default_rng(0)
    modes = np.array([[0.0, 0.0], [20.0, 0.0]])
    real = modes[rng.integers(0, 2, 400)] + rng.normal(size=(400, 2))
    one_mode = generation.prdc(real, rng.normal(size=(400, 2)))
    a_mode_more = generation.prdc(real[real[:, 0] < 10], real)
    assert one_mode["precision"] > 0.9
    assert one_mode["recall"] == pytest.approx(0.5, abs=0.1)
    assert one_mode["coverage"] == pytest.approx(0.5, abs=0.1)
    assert a_mode_more["precision"] == pytest.approx(0.5, abs=0.1)
    assert a_mode_more["recall"] == 1


def test_scores_fall_with_noise() -> None:
    rng = np.random.default_rng(0)
    real, fresh, noise = rng.normal(size=(3, 600, 6))
    noisy = [fresh + sigma * noise for sigma in (0.0, 0.5, 1.0, 2.0, 4.0)]
    distances = [generation.frechet_distance(real, each) for each in noisy]
    assert all(nearer < farther for nearer, farther in pairwise(distances))
    numbers = [generation.prdc(real, each) for each in noisy]
    for name in ("precision", "density", "coverage"):
        assert all(better[name] > worse[name] for better, worse in pairwise(numbers))


def test_prdc_of_equal_and_of_separate_sets(rng: np.random.Generator) -> None:
    real = rng.normal(size=(50, 3)).astype(np.float32)
    same = generation.prdc(real, real)
    assert same == {"precision": 1, "recall": 1, "density": pytest.approx(1.2), "coverage": 1}  # itself, and 5 of 5
    assert set(generation.prdc(real, real + 100).values()) == {0}


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-38, 3e38])
def test_prdc_of_codes_that_are_all_equal(value: float) -> None:
    real, generated = np.full((30, 7), value, np.float32), np.full((20, 7), value, np.float32)
    assert generation.prdc(real, generated) == {"precision": 1, "recall": 1, "density": 30 / 5, "coverage": 1}
    assert set(generation.prdc(real, -generated - 1).values()) == {0}


def test_prdc_of_few_rows() -> None:
    point, others = np.zeros((1, 2)), np.array([[1.0, 0.0], [3.0, 0.0]])
    assert generation.prdc(point, point) == {"precision": 1, "recall": 1, "density": 1, "coverage": 1}
    assert generation.prdc(point, others) == {"precision": 0, "recall": 1, "density": 0, "coverage": 0}
    assert generation.prdc(others, point) == {"precision": 1, "recall": 0, "density": 1, "coverage": 0.5}


def test_prdc_of_rows_that_repeat(rng: np.random.Generator) -> None:
    """Six copies of each row: its 5 neighbours are itself, radii are 0, and only copies are inside."""
    rows = rng.normal(1000, 1, size=(20, 50)).astype(np.float32)
    real = np.repeat(rows, 6, axis=0)
    assert generation.prdc(real, rows[:10]) == pytest.approx(
        {"precision": 1, "recall": 1, "density": 6 / 5, "coverage": 0.5}
    )
    assert generation.prdc(real, rows + np.float32(0.01))["precision"] == 0


def test_prdc_stands_an_outlier(rng: np.random.Generator) -> None:
    real, generated = (rng.normal(size=(100, 3)).astype(np.float32) for _ in range(2))
    real[3], generated[0] = -1e20, 1e30
    expected = brute_force(real, generated, 5)
    assert expected["coverage"] > 0.9
    assert generation.prdc(real, generated) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1e-38, 1e-4, 1.0, 1e10, 1e37]), st.integers(1, 4), st.integers(1, 40))
def test_no_number_is_missing(seed: int, scale: float, dimensions: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    real, generated = (
        (rng.integers(-2, 3, size=(size, dimensions)) * scale).astype(np.float32) for size in (count, 13)
    )
    distance = generation.frechet_distance(real, generated)
    assert math.isfinite(distance)
    assert distance >= 0
    numbers = generation.prdc(real, generated)
    assert all(0 <= numbers[name] <= 1 for name in ("precision", "recall", "coverage"))
    assert 0 <= numbers["density"] <= count


def test_nearest_distance_by_brute_force(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    train, images = (rng.integers(0, 256, size=(count, 4, 5, 3), dtype=np.uint8) for count in (70, 30))
    monkeypatch.setattr("latentlab.storage.memory.CHUNK_PIXELS", 420)  # 7 images
    expected = cdist(images.reshape(30, -1) / 255, train.reshape(70, -1) / 255).min(axis=1) / math.sqrt(60)
    assert generation.nearest_distance(train, images) == pytest.approx(expected, rel=1e-6)
    assert generation.nearest_distance(train, images / 255) == pytest.approx(expected, rel=1e-6)


def test_nearest_distance_by_hand() -> None:
    train = np.stack([np.zeros((2, 2, 1)), np.ones((2, 2, 1))])
    images = np.stack([np.full((2, 2, 1), 0.25), np.ones((2, 2, 1)), np.eye(2)[..., None]])
    assert generation.nearest_distance(train, images) == pytest.approx([0.25, 0, math.sqrt(0.5)])


def test_a_copy_has_distance_zero(rng: np.random.Generator) -> None:
    train = rng.integers(0, 256, size=(200, 28, 28, 1), dtype=np.uint8)
    copies = train[rng.permutation(200)[:50]]
    assert not generation.nearest_distance(train, copies).any()
    assert not generation.nearest_distance(train, copies / np.float32(255)).any()


def test_copy_ratio_of_copies_and_of_new_images(rng: np.random.Generator) -> None:
    train, test, new = (np.clip(rng.normal(0.5, 0.2, size=(300, 6, 6, 1)), 0, 1) for _ in range(3))
    ratios: list[float] = []
    for share in (0.0, 0.1, 0.3, 0.6):
        near = (1 - share) * train + share * new  # from copies to images of their own
        ratios.append(generation.copying(train, test, near)["copy_ratio"] or 0.0)
    assert generation.copying(train, test, train)["copy_ratio"] == 0
    assert all(nearer < farther for nearer, farther in pairwise(ratios))
    numbers = generation.copying(train, test, new)
    assert numbers["copy_ratio"] == pytest.approx(1, abs=0.05)
    assert numbers["nearest_distance"] == np.median(generation.nearest_distance(train, new))
    assert numbers["test_nearest_distance"] == np.median(generation.nearest_distance(train, test))


def test_no_copy_ratio_where_test_images_are_training_images() -> None:
    images = np.zeros((10, 2, 2, 1), np.uint8)
    assert generation.copying(images, images, images + np.uint8(255)) == {
        "nearest_distance": 1,
        "test_nearest_distance": 0,
        "copy_ratio": None,
    }
