"""New points in a map: near their like, independent of each other, and the map stays."""

from typing import Any

import numpy as np
import pytest

from latentlab.embedding import by_opentsne
from latentlab.embedding.new_points import place
from latentlab.embedding.tsne import Method, embed
from tests.embedding.test_tsne import LABELS, METHODS, POINTS, blobs

Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture(scope="module", params=METHODS)
def embedding(request: pytest.FixtureRequest) -> Array:
    """The map of `blobs`, by either library."""
    method: Method = request.param
    return embed(blobs(), 20, 1, method)[0]


def extent(embedding: Array) -> float:
    return float(np.ptp(embedding, axis=0).max())


def distances(one: Array, other: Array) -> Array:
    found: Array = np.linalg.norm(one - other, axis=1)
    return found


def test_a_point_that_is_there_already_lands_near_itself(embedding: Array) -> None:
    far = distances(place(blobs(), blobs(), embedding), embedding)
    assert np.median(far) < 0.03 * extent(embedding)
    shuffled = np.random.default_rng(1).permutation(embedding)
    assert np.median(distances(embedding, shuffled)) > 0.2 * extent(embedding)


def test_a_new_point_lands_among_its_class(embedding: Array) -> None:
    rng = np.random.default_rng(5)
    rows = rng.integers(0, POINTS, 60)
    new = (blobs()[rows] + 0.3 * rng.standard_normal((60, 8))).astype(np.float32)
    placed = place(new, blobs(), embedding)
    nearest = np.linalg.norm(placed[:, None] - embedding, axis=2).argmin(axis=1)
    assert (LABELS[nearest] == LABELS[rows]).mean() > 0.95
    far = place(new + np.float32(1e3), blobs(), embedding)
    assert np.isfinite(far).all()


def test_the_same_bytes_twice_and_the_map_stays(embedding: Array) -> None:
    before = embedding.tobytes()
    one, other = (place(blobs()[:40], blobs(), embedding) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert embedding.tobytes() == before
    assert one.shape == (40, 2)
    assert one.dtype == np.float32


def test_a_place_does_not_depend_on_the_other_new_points(embedding: Array) -> None:
    together, alone = place(blobs()[:40], blobs(), embedding), place(blobs()[:1], blobs(), embedding)
    assert alone[0] == pytest.approx(together[0], abs=1e-3)


def test_the_grid_gives_the_places_that_the_tree_gives(embedding: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = place(blobs()[:40], blobs(), embedding)
    monkeypatch.setattr(by_opentsne, "GRID", POINTS - 1)
    grid = place(blobs()[:40], blobs(), embedding)
    assert tree.tobytes() != grid.tobytes()
    assert np.median(distances(tree, grid)) < 0.01 * extent(embedding)


def test_a_map_that_is_elsewhere_moves_the_places_with_it(embedding: Array) -> None:
    here = place(blobs()[:40], blobs(), embedding)
    there = place(blobs()[:40], blobs(), embedding + np.float32(100))
    assert there - 100 == pytest.approx(here, abs=0.05)


def test_degenerate_maps_and_points() -> None:
    same, nowhere = np.ones((10, 4), np.float32), np.zeros((10, 2), np.float32)
    assert (place(blobs(dimensions=4)[:3], same, nowhere) == 0).all()
    assert place(np.empty((0, 8), np.float32), blobs(), np.zeros((POINTS, 2), np.float32)).shape == (0, 2)
    few, map_of_few = blobs()[:2], np.array([[0, 0], [5, 0]], np.float32)
    huge = np.full((1, 8), 3e38, np.float32)
    for new in (few, blobs()[:30], huge, -huge):
        placed = place(new, few, map_of_few)
        assert placed.shape == (len(new), 2)
        assert np.isfinite(placed).all()
    alone = place(blobs()[:2], few[:1], map_of_few[1:])
    assert (alone == [[5, 0], [5, 0]]).all()
