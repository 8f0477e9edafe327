"""Images in rows that stand in a page as they are."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from latentlab.figures.thumbnails import thumbnails
from latentlab.report.sheets import coloured, data_url, mosaic, webp
from latentlab.storage.memory import Array

QUALITY = 50
SIDE = 48  # pixels of an image, at most


@dataclass(frozen=True)
class Strip:
    """An image of a page: its name, what it shows, its address with the content in it, and its size in pixels."""

    name: str
    text: str
    url: str
    width: int
    height: int

    @property
    def plain(self) -> dict[str, Any]:
        """As the template takes it."""
        return asdict(self)


def strip(name: str, text: str, images: Array, across: int | None = None) -> Strip:
    """Images (n, H, W, C), uint8 or in [0, 1], in one row, or in rows of so many."""
    picture = mosaic(thumbnails(coloured(images), SIDE), across or len(images))
    return Strip(name, text, data_url(webp(picture, QUALITY)), picture.shape[1], picture.shape[0])


def table(rows: Sequence[Array]) -> tuple[Array, int]:
    """Rows of images (n, H, W, C) below each other, as `strip` takes them: all images, and how many a row has."""
    return np.concatenate([coloured(row) for row in rows]), len(rows[0])
