"""t-SNE by two libraries: the same bytes each time, the divergence that its formula says, classes kept together."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.spatial.distance import cdist

from latentlab.embedding import by_opentsne, tsne
from latentlab.embedding.scale import scale_of, scaled
from latentlab.embedding.tsne import Method, embed
from latentlab.metrics.embedding import knn_accuracy

Array = np.ndarray[Any, np.dtype[Any]]
POINTS = 300
LABELS = np.arange(POINTS) % 3
METHODS: tuple[Method, ...] = ("sklearn", "opentsne")
GRADIENTS = ("bh", pytest.param("fft", marks=pytest.mark.slow))  # whose grid takes its seconds for few points, too


def blobs(distance: float = 4.0, dimensions: int = 8) -> Array:
    """Three classes (POINTS, dimensions) float32, whose centres are so far from the origin, in deviations."""
    rng = np.random.default_rng(0)
    centres = distance * np.eye(3, dimensions)
    return (centres[LABELS] + rng.standard_normal((POINTS, dimensions))).astype(np.float32)


def exact_divergence(features: Array, embedding: Array, perplexity: float) -> float:
    """Van der Maaten and Hinton 2008, equations 1 to 4, over all pairs, in nats."""
    squares = cdist(features, features, "sqeuclidean") / scale_of(features).spread ** 2

    def conditional(row: int, log_precision: float) -> Array:
        others = np.delete(squares[row], row)
        weights = np.exp(np.exp(log_precision) * (others.min() - others))
        return np.insert(weights / weights.sum(), row, 0)

    def excess(log_precision: float, row: int) -> float:
        p = conditional(row, log_precision)
        return float(-(p[p > 0] * np.log(p[p > 0])).sum() - np.log(perplexity))

    rows = [conditional(row, brentq(excess, -10, 15, args=(row,))) for row in range(len(features))]
    p = (np.array(rows) + np.array(rows).T) / (2 * len(features))
    q = 1 / (1 + cdist(embedding, embedding, "sqeuclidean"))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())


@pytest.mark.parametrize("method", METHODS)
def test_the_divergence_is_that_of_the_formula_in_both_libraries(method: Method) -> None:
    features = blobs()[:150]
    embedding, divergence = embed(features, 50, 1, method)  # three times the perplexity are all points
    assert divergence == pytest.approx(exact_divergence(features, embedding, 50), rel=0.02)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_the_divergence_of_either_gradient_is_near_that_of_the_other_library(gradient: by_opentsne.Gradient) -> None:
    _, expected = embed(blobs(), 20, 1, "sklearn")
    _, divergence = by_opentsne.embed(blobs(), 20, 1, gradient)
    assert divergence == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_the_same_bytes_twice_and_other_ones_for_another_seed(gradient: by_opentsne.Gradient) -> None:
    first, again, other = (by_opentsne.embed(blobs(), 20, seed, gradient) for seed in (1, 1, 2))
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1] == again[1]
    assert first[0].tobytes() != other[0].tobytes()
    assert first[0].shape == (POINTS, 2)
    assert first[0].dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
def test_classes_stay_together_as_far_as_the_features_have_them(method: Method) -> None:
    accuracies = [knn_accuracy(embed(blobs(far), 20, 1, method)[0], LABELS, 5) for far in (6.0, 2.0, 0.0)]
    assert accuracies[0] > 0.99
    assert accuracies[0] > accuracies[1] > accuracies[2]
    assert accuracies[2] < 0.45


def test_features_on_another_scale_have_the_same_map() -> None:
    features = blobs()
    one, other = (by_opentsne.embed(each, 20, 1)[0] for each in (features, features * np.float32(2.0**70)))
    assert one.tobytes() == other.tobytes()


def test_many_points_take_the_library_and_the_gradient_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [tsne.library_for(count, None) for count in (2, 10_000, 10_001)] == ["sklearn", "sklearn", "opentsne"]
    assert [tsne.library_for(70_000, method) for method in ("auto", *METHODS)] == ["opentsne", *METHODS]
    assert [by_opentsne.gradient_for(count) for count in (2, 10_000, 10_001)] == ["bh", "bh", "fft"]
    monkeypatch.setattr(tsne, "LARGE", POINTS - 1)
    assert (embed(blobs(), 20, 1)[0] == embed(blobs(), 20, 1, "opentsne")[0]).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_largest_perplexity_that_is_allowed_and_the_fewest_points(method: Method) -> None:
    for features, perplexity in ((blobs()[:20], 19.0), (blobs()[:2], 1.5), (blobs(dimensions=3)[:2, :1], 1.0)):
        embedding, divergence = embed(features, perplexity, 1, method)
        assert np.isfinite(embedding).all()
        assert np.isfinite(divergence)


def test_scaled_features_fill_a_box_of_side_one_around_zero() -> None:
    features = blobs() * np.float32(1e30) + np.float32(1e31)
    box = scaled(features, scale_of(features))
    assert box.min(axis=0) == pytest.approx(-box.max(axis=0), abs=1e-6)
    assert np.ptp(box, axis=0).max() == pytest.approx(1, abs=1e-6)
    assert scaled(np.full((1, 8), 3e38, np.float32), scale_of(blobs() * np.float32(1e-30))).max() == np.float32(1e10)
    assert scale_of(np.full((5, 3), 7.0, np.float32)).spread == 0
