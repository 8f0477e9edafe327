"""Metrics of who is near whom, against their formulas written out and scikit-learn's."""

import tracemalloc

import numpy as np
import pytest
import sklearn.manifold
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, silhouette_samples
from sklearn.neighbors import NearestNeighbors

from latentlab.metrics import distances, embedding, latent, ranking, retrieval
from latentlab.storage.memory import Array

MIB = 2**20


def squared(queries: Array, database: Array) -> Array:
    """By differences, (Q, N)."""
    return np.asarray(((queries[:, None].astype(np.float64) - database[None]) ** 2).sum(axis=2))


def ranked(points: Array) -> Array:
    """The place, from 1, of each point among the others by distance from each, (N, N), written out."""
    places = np.zeros((len(points), len(points)), int)
    for i, row in enumerate(squared(points, points)):
        others = sorted((j for j in range(len(points)) if j != i), key=lambda j: (row[j], j))
        for place, j in enumerate(others, 1):
            places[i, j] = place
    return places


def clusters(rng: np.random.Generator, spread: float, count: int = 100, dim: int = 4) -> tuple[Array, Array]:
    """Points around three centres, and which of them."""
    labels = rng.integers(0, 3, count)
    return rng.normal(size=(3, dim))[labels] + spread * rng.normal(size=(count, dim)), labels


# distances and ranks


@pytest.mark.parametrize("offset", [0, 1e6])
def test_distances_are_those_by_differences(rng: np.random.Generator, offset: float) -> None:
    queries, database = (offset + rng.normal(size=(n, 7)) for n in (20, 50))
    ((part, found),) = distances.squared_distances(queries, database)
    assert part.start == 0
    np.testing.assert_allclose(found, squared(queries, database), rtol=1e-12)


def test_distances_come_in_parts(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, database = rng.normal(size=(20, 3)), rng.normal(size=(50, 3))
    monkeypatch.setattr("latentlab.storage.memory.CHUNK_PIXELS", 7 * 50)
    parts = list(distances.squared_distances(queries, database))
    assert [len(found) for _, found in parts] == [7, 7, 6]
    np.testing.assert_allclose(np.concatenate([found for _, found in parts]), squared(queries, database), rtol=1e-12)


def test_equal_rows_are_equally_far(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(40, 5)).astype(np.float32)
    again = rng.integers(0, 40, 333)
    ((_, found),) = distances.squared_distances(rng.normal(size=(9, 5)).astype(np.float32), rows[again])
    np.testing.assert_array_equal(found, found[:, [list(again).index(number) for number in again]])


def test_negative_zeros_are_zeros() -> None:
    ((_, found),) = distances.squared_distances(np.array([[-0.0]]), np.array([[0.0], [-0.0], [1.0]]))
    np.testing.assert_array_equal(found, [[0, 0, 1]])
    assert not np.signbit(found).any()


@pytest.mark.parametrize("factor", [1e-30, 1e30, 1e300])
def test_distances_of_huge_and_tiny_rows_have_the_same_order(rng: np.random.Generator, factor: float) -> None:
    rows = rng.normal(size=(30, 3))
    np.testing.assert_array_equal(retrieval.nearest(rows * factor, rows * factor, 5), retrieval.nearest(rows, rows, 5))


FEW = arrays.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([0.0, 1e-300, 0.5, 1.0, 7.25, 1e300]))
MANY = arrays.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, allow_infinity=True).map(abs))


@given(FEW | MANY, st.data())
def test_ranks_are_those_of_a_stable_sort(row: Array, data: st.DataObject) -> None:
    expected = np.argsort(row, kind="stable")
    np.testing.assert_array_equal(ranking.order(row), expected)
    count = data.draw(st.integers(1, len(row)))
    np.testing.assert_array_equal(ranking.nearest(row[None], count), expected[None, :count])
    np.testing.assert_array_equal(ranking.ranks(row[None], expected[None]), 1 + np.arange(len(row))[None])


# embeddings


@pytest.mark.parametrize("neighbours", [1, 5, 19])
def test_trustworthiness_and_continuity_written_out(rng: np.random.Generator, neighbours: int) -> None:
    n, k = 40, neighbours
    features = rng.normal(size=(n, 5))
    plane = features[:, :2] + 0.3 * rng.normal(size=(n, 2))
    r, r_hat = ranked(features), ranked(plane)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    scale = 2 / (n * k * (2 * n - 3 * k - 1))
    # U_k(i): among the k nearest in the plane but not in the features; V_k(i): the other way round
    m1 = 1 - scale * sum(r[i, j] - k for i, j in pairs if r_hat[i, j] <= k < r[i, j])
    m2 = 1 - scale * sum(r_hat[i, j] - k for i, j in pairs if r[i, j] <= k < r_hat[i, j])
    assert embedding.trustworthiness(features, plane, k) == pytest.approx(m1, abs=1e-12)
    assert embedding.continuity(features, plane, k) == pytest.approx(m2, abs=1e-12)
    assert m1 != m2


def test_trustworthiness_and_continuity_are_scikit_learns(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = rng.normal(size=(700, 16))
    plane = features[:, :2] + 0.1 * rng.normal(size=(700, 2))
    monkeypatch.setattr("latentlab.storage.memory.CHUNK_PIXELS", 100 * 700)
    for k in (1, 5, 30):
        trust = sklearn.manifold.trustworthiness(features, plane, n_neighbors=k)
        swapped = sklearn.manifold.trustworthiness(plane, features, n_neighbors=k)
        assert embedding.trustworthiness(features, plane, k) == pytest.approx(trust, abs=1e-12)
        assert embedding.continuity(features, plane, k) == pytest.approx(swapped, abs=1e-12)


def test_neighbourhood_hit_is_that_of_scikit_learns_neighbours(rng: np.random.Generator) -> None:
    plane, labels = clusters(rng, spread=1.0, count=300, dim=2)
    found = NearestNeighbors(n_neighbors=7).fit(plane).kneighbors(return_distance=False)
    assert embedding.neighbourhood_hit(plane, labels, 7) == pytest.approx((labels[found] == labels[:, None]).mean())


def test_neighbourhood_hit_by_hand() -> None:
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert embedding.neighbourhood_hit(line, np.array(["a", "a", "b", "b"]), 1) == 3 / 4
    assert embedding.neighbourhood_hit(line, np.array(["a", "a", "b", "b"]), 2) == 3 / 8
    assert embedding.neighbourhood_hit(line, np.array([1, 1, 1, 1]), 3) == 1.0


def test_worse_embeddings_score_worse(rng: np.random.Generator) -> None:
    features, labels = clusters(rng, spread=0.3, count=200, dim=2)
    planes = [features + noise * rng.normal(size=features.shape) for noise in (0, 0.3, 1, 5)]
    trust, continuity = (
        [measure(features, plane, 5) for plane in planes]
        for measure in (embedding.trustworthiness, embedding.continuity)
    )
    hits = [embedding.neighbourhood_hit(plane, labels, 5) for plane in planes]
    assert trust[0] == continuity[0] == 1.0
    for scores in (trust, continuity, hits):
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) == 4


def test_a_tear_costs_continuity_and_a_fold_trustworthiness(rng: np.random.Generator) -> None:
    line = np.sort(rng.uniform(-1, 1, size=(100, 1)), axis=0)
    folded = np.abs(line)
    assert embedding.continuity(line, folded, 5) > embedding.trustworthiness(line, folded, 5)
    assert embedding.continuity(folded, line, 5) < embedding.trustworthiness(folded, line, 5)


def test_points_that_are_all_equal_score_as_chance(rng: np.random.Generator) -> None:
    features, labels = clusters(rng, spread=0.1, count=300)
    collapsed = np.full((300, 2), 0.3)
    assert embedding.continuity(features, collapsed, 5) == pytest.approx(0.5, abs=0.05)
    assert embedding.trustworthiness(features, collapsed, 5) == pytest.approx(0.5, abs=0.05)
    assert embedding.trustworthiness(collapsed, collapsed, 5) == 1.0
    assert embedding.neighbourhood_hit(collapsed, labels, 5) == pytest.approx(1 / 3, abs=0.1)


def test_too_few_points_are_refused() -> None:
    points = np.arange(6.0)[:, None]
    for measure in (embedding.trustworthiness, embedding.continuity):
        assert measure(points, points, 2) == 1.0
        with pytest.raises(ValueError, match="6 points are too few for 3 neighbours"):
            measure(points, points, 3)
    assert embedding.neighbourhood_hit(points, np.zeros(6), 5) == 1.0
    with pytest.raises(ValueError, match="6 points have no 6 neighbours"):
        embedding.neighbourhood_hit(points, np.zeros(6), 6)


# silhouette


def test_silhouette_by_hand() -> None:
    features = np.array([[0.0], [1.0], [10.0], [13.0]])
    labels = np.array(["a", "a", "b", "b"])
    # own class a, next class b: (b - a) / max(a, b)
    expected = np.mean([(11.5 - 1) / 11.5, (10.5 - 1) / 10.5, (9.5 - 3) / 9.5, (12.5 - 3) / 12.5])
    assert latent.silhouette(features, labels, 4) == pytest.approx(expected, abs=1e-12)
    assert latent.silhouette(features + 1e6, labels, 4) == pytest.approx(expected, abs=1e-9)
    assert latent.silhouette(features * 1e30, labels, 4) == pytest.approx(expected, abs=1e-6)  # scaled to float32


def test_silhouette_is_of_the_first_rows(rng: np.random.Generator) -> None:
    features, labels = clusters(rng, spread=0.5, count=200)
    expected = silhouette_samples(features[:120], labels[:120]).mean()
    assert latent.silhouette(features, labels, 120) == pytest.approx(expected, abs=1e-12)
    assert latent.silhouette(features, labels, 10**6) == pytest.approx(silhouette_samples(features, labels).mean())


def test_silhouette_of_worse_classes_is_lower(rng: np.random.Generator) -> None:
    tight, labels = clusters(np.random.default_rng(1), spread=0.1, count=200)
    loose, _ = clusters(np.random.default_rng(1), spread=0.5, count=200)
    good = latent.silhouette(tight, labels, 200)
    fair = latent.silhouette(loose, labels, 200)
    none = latent.silhouette(tight, rng.permutation(labels), 200)
    assert good is not None
    assert fair is not None
    assert none == pytest.approx(0, abs=0.1)
    assert good > 0.8 > fair > 0.2


def test_silhouette_without_classes_to_compare() -> None:
    features = np.arange(4.0)[:, None]
    assert latent.silhouette(features, np.zeros(4), 4) is None
    assert latent.silhouette(features, np.arange(4), 4) is None
    assert latent.silhouette(features, np.array([0, 0, 1, 1]), 2) is None
    assert latent.silhouette(features[:0], np.zeros(0), 4) is None
    assert latent.silhouette(features, np.array([0, 0, 1, 2]), 4) == pytest.approx((1 / 2 + 0 + 0 + 0) / 4)
    assert latent.silhouette(np.full((4, 3), 0.1, np.float32), np.array([0, 0, 1, 1]), 4) == 0.0


# retrieval


@given(arrays.arrays(np.int8, (12, 2), elements=st.integers(-2, 2)), st.integers(1, 15))
def test_nearest_of_equally_near_codes_is_the_lower_row(codes: Array, count: int) -> None:
    train, test = codes[:8], codes[8:]
    expected = np.argsort(squared(test, train), axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(retrieval.nearest(train, test, count), expected)


def test_nearest_is_scikit_learns(rng: np.random.Generator) -> None:
    train, test = (rng.normal(size=(n, 24)).astype(np.float32) for n in (500, 60))
    found = NearestNeighbors(n_neighbors=9, algorithm="brute").fit(train).kneighbors(test, return_distance=False)
    np.testing.assert_array_equal(retrieval.nearest(train, test, 9), found)


def test_retrieval_by_hand() -> None:
    train, labels = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    test, wanted = np.array([[-1.0], [2.9]]), np.array([0, 0])  # by distance: 0 1 2 3, and 3 2 1 0
    assert retrieval.precision_at(train, labels, test, wanted, 1) == 1 / 2
    assert retrieval.precision_at(train, labels, test, wanted, 3) == (2 / 3 + 1 / 3) / 2
    assert retrieval.precision_at(train, labels, test, wanted) == 1 / 2  # of all four
    expected = ((1 + 2 / 3) / 2 + (1 / 2 + 2 / 4) / 2) / 2
    assert retrieval.mean_average_precision(train, labels, test, wanted) == pytest.approx(expected, abs=1e-15)


def test_mean_average_precision_is_scikit_learns(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = clusters(rng, spread=1.0, count=400)
    halves = points[:300], labels[:300], points[300:], labels[300:]
    monkeypatch.setattr("latentlab.storage.memory.CHUNK_PIXELS", 30 * 300)
    expected = [
        average_precision_score(halves[1] == label, -row)
        for row, label in zip(squared(halves[2], halves[0]), halves[3], strict=True)
    ]
    assert retrieval.mean_average_precision(*halves) == pytest.approx(np.mean(expected), abs=1e-12)
    assert retrieval.mean_average_precision(*halves, queries=40) == pytest.approx(np.mean(expected[:40]), abs=1e-12)


def test_retrieval_of_worse_codes_is_worse() -> None:
    found = []
    for spread in (0.01, 0.5, 1, 100):
        points, labels = clusters(np.random.default_rng(2), spread, count=600)
        halves = points[:400], labels[:400], points[400:], labels[400:]
        found.append((retrieval.precision_at(*halves) or 0, retrieval.mean_average_precision(*halves) or 0))
    assert found[0] == (1.0, 1.0)
    assert found == sorted(found, reverse=True)
    assert found[3] == pytest.approx((1 / 3, 1 / 3), abs=0.05)  # no more than chance


def test_codes_that_are_all_equal_retrieve_as_chance(rng: np.random.Generator) -> None:
    train, test = np.full((1000, 3), 0.1, np.float32), np.full((100, 3), 0.1, np.float32)
    labels = rng.integers(0, 4, 1100)
    halves = train, labels[:1000], test, labels[1000:]
    np.testing.assert_array_equal(retrieval.nearest(train, test, 3), np.tile([0, 1, 2], (100, 1)))
    assert retrieval.mean_average_precision(*halves) == pytest.approx(1 / 4, abs=0.03)
    assert retrieval.precision_at(*halves, 100) == pytest.approx(1 / 4, abs=0.1)


def test_queries_of_a_class_that_the_database_lacks_are_left_out() -> None:
    train, labels = np.array([[0.0], [1.0]]), np.array(["a", "b"])
    test = np.array([[0.1], [0.2], [0.9]])
    for measure in (retrieval.precision_at, retrieval.mean_average_precision):
        assert measure(train, labels, test, np.array(["c", "a", "b"]), 1) == 1.0
        assert measure(train, labels, test, np.array(["c", "c", "c"])) is None
        assert measure(train, labels, test[:0], np.array([], "<U1")) is None
        assert measure(train[:0], labels[:0], test, np.array(["c", "a", "b"])) is None
        assert measure(train, np.array([5, 5]), test, np.array([5, 5, 5])) == 1.0
    assert retrieval.nearest(train[:0], test, 3).shape == (3, 0)
    assert retrieval.nearest(train, test[:0], 3).shape == (0, 2)


@pytest.mark.slow
def test_memory_is_bounded(rng: np.random.Generator) -> None:
    train, test = (rng.normal(size=(n, 64)).astype(np.float32) for n in (60_000, 100))
    labels = rng.integers(0, 10, 60_000)
    points, plane = rng.normal(size=(3000, 16)), rng.normal(size=(3000, 2))
    tracemalloc.start()
    try:
        retrieval.mean_average_precision(train, labels, test, labels[:100])
        retrieval.precision_at(train, labels, test, labels[:100])
        embedding.continuity(points, plane, 5)
        latent.silhouette(points, labels[:3000], 3000)
        assert tracemalloc.get_traced_memory()[1] < 500 * MIB
    finally:
        tracemalloc.stop()
