"""Images made small."""

import numpy as np
import pytest

from latentlab.figures.thumbnails import SIDE, thumbnails


def test_bytes_stay_as_they_are(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, size=(3, SIDE, 28, 3), dtype=np.uint8)
    assert thumbnails(images) is images


def test_shares_become_the_nearest_level() -> None:
    images = np.array([0, 0.001, 0.002, 0.5, 1, 1.2, -0.1]).reshape(1, 1, 7, 1)
    assert thumbnails(images).ravel().tolist() == [0, 0, 1, 128, 255, 255, 0]
    assert thumbnails(images).dtype == np.uint8


@pytest.mark.parametrize(("height", "width", "shape"), [(65, 64, (33, 32)), (10, 130, (4, 44)), (1, 65, (1, 33))])
def test_longer_sides_are_averaged_down(height: int, width: int, shape: tuple[int, int]) -> None:
    images = np.full((2, height, width, 3), 100, np.uint8)
    small = thumbnails(images)
    assert small.shape == (2, *shape, 3)
    assert (small == 100).all()


def test_a_square_of_pixels_becomes_its_mean() -> None:
    images = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 10
    assert thumbnails(images, 2).ravel().tolist() == [25, 45, 105, 125]
    assert thumbnails(images[:, :3, :3], 2).ravel().tolist() == [25, 40, 85, 100]  # the last ones are repeated
