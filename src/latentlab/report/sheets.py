"""Many small images as one picture file, for a page that cuts them out again."""

import base64
import io
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from latentlab.figures.thumbnails import SIDE, thumbnails
from latentlab.report.packed import letters
from latentlab.storage.memory import Array

SAMPLED = 250  # images by which the size of a sheet is estimated
LOSSLESS = 100
COARSE = 127.5  # of 255 levels, from one to the next of three


class Fineness(NamedTuple):
    """How images are drawn: the longest side in pixels, and WebP's quality in 0..100."""

    side: int
    quality: int


QUALITIES = (90, 80, 70, 60, 50, 40, 30, 25, 20, 15, 10, 7, 5, 4, 3, 2, 1, 0)


@dataclass(frozen=True)
class Sheet:
    """Images (n, H, W, C), uint8 or in [0, 1], in rows on one picture.

    `lossless` where each pixel matters. `coarse` ones have three levels and no other loss: noise takes fewer bytes so.
    """

    images: Array
    lossless: bool = False
    coarse: bool = False

    def thumbnails(self, side: int) -> Array:
        """As they are shown, (n, h, w, 1) or (n, h, w, 3) uint8; the mean of channels that are no colours."""
        small = thumbnails(coloured(self.images), side)
        return (np.rint(small / COARSE) * COARSE).astype(np.uint8) if self.coarse else small

    def _encoded(self, images: Array, quality: int) -> bytes:
        return webp(mosaic(images), LOSSLESS if self.lossless or self.coarse else quality)

    def estimate(self, fineness: Fineness) -> int:
        """About how many bytes the picture takes, from some of the images."""
        some = self.images[:: max(1, len(self.images) // SAMPLED)]
        small = Sheet(some, self.lossless, self.coarse).thumbnails(fineness.side)
        return int(len(self._encoded(small, fineness.quality)) * len(self.images) / max(1, len(some)))

    def packed(self, fineness: Fineness) -> dict[str, Any]:
        """For the page: the file, and where an image lies in it."""
        small = self.thumbnails(fineness.side)
        count, height, width, _ = small.shape
        file = letters(self._encoded(small, fineness.quality))
        return {"file": file, "columns": columns(count), "count": count, "height": height, "width": width}


def finest(sheets: Sequence[Sheet], size: int) -> Fineness:
    """The finest with which all sheets together take about `size` bytes at most, else the coarsest.

    Images become smaller only where the lowest quality does not help.
    """

    def fits(fineness: Fineness) -> bool:
        return sum(sheet.estimate(fineness) for sheet in sheets) <= size

    longest = max(max(sheet.images.shape[1:3]) for sheet in sheets)
    sides = [SIDE, *(side for side in (SIDE // 2, SIDE // 4) if side < longest)]
    side = next((each for each in sides if fits(Fineness(each, QUALITIES[-1]))), sides[-1])
    found = bisect_left(QUALITIES[:-1], True, key=lambda quality: fits(Fineness(side, quality)))
    return Fineness(side, QUALITIES[found])


def coloured(images: Array) -> Array:
    """Images (n, H, W, 1) or (n, H, W, 3), the mean of the channels where these are no colours."""
    if images.shape[-1] in (1, 3):
        return images
    return np.asarray(images.mean(axis=-1, keepdims=True) / (255 if images.dtype == np.uint8 else 1))


def columns(count: int) -> int:
    """How many images stand side by side: as many as below each other."""
    return max(1, int(np.ceil(np.sqrt(count))))


def mosaic(images: Array, across: int | None = None) -> Array:
    """Images (n, h, w, C) in rows of `across`, or in a square; black where there are none left, (H, W, C)."""
    count, height, width, channels = images.shape
    across = across or columns(count)
    down = max(1, -(-count // across))
    whole = np.zeros((down * across, height, width, channels), np.uint8)
    whole[:count] = images
    lines = whole.reshape(down, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    return lines.reshape(down * height, across * width, channels)


def webp(image: Array, quality: int) -> bytes:
    """A picture (H, W, 1 or 3) uint8 as WebP of a quality in 0..100, without loss at 100."""
    drawn = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    file = io.BytesIO()
    # quality of a lossless file is how long it is worked on
    options = {"lossless": True, "quality": 50} if quality == LOSSLESS else {"quality": quality}
    drawn.save(file, "WEBP", method=4, **options)
    return file.getvalue()


def data_url(content: bytes) -> str:
    """A WebP file as the address of an image."""
    return "data:image/webp;base64," + base64.b64encode(content).decode()
