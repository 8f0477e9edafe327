"""Neighbours, and whether another space has them too."""

import numpy as np

from latentlab.metrics.overlap import kept, nearest_others


def test_neighbours_are_those_of_a_loop(rng: np.random.Generator) -> None:
    points = rng.normal(size=(40, 3)).astype(np.float32)
    found = nearest_others(points, 5)
    for row, point in enumerate(points):
        distances = np.linalg.norm(points.astype(float) - point, axis=1)
        distances[row] = np.inf
        assert found[row].tolist() == np.argsort(distances, kind="stable")[:5].tolist()


def test_few_points_have_all_others() -> None:
    assert nearest_others(np.array([[0.0], [1], [5]]), 10).tolist() == [[1, 2], [0, 2], [1, 0]]
    assert nearest_others(np.array([[0.0]]), 10).shape == (1, 0)


def test_the_share_that_is_kept() -> None:
    assert kept(np.array([[1, 2], [0, 2], [1, 0]]), np.array([[2, 1], [2, 3], [3, 4]])).tolist() == [1, 0.5, 0]
