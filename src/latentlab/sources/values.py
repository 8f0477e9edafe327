"""Pixels of any kind of number as uint8."""

import numpy as np

from latentlab.errors import UserError
from latentlab.storage.memory import Array, chunks


def as_bytes(images: Array, found: str) -> Array:
    """Images of whole numbers in [0, 255], of truth values, or of floats in [0, 1], as uint8 in [0, 255].

    Raises `UserError` for other values.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "biuf":
        raise UserError(f"{found}: found images of {images.dtype}, allowed: numbers")
    highest = 255 if images.dtype.kind in "iu" else 1
    pixels = np.empty(images.shape, np.uint8)
    for chunk in chunks(images):
        part = images[chunk]
        low, high = part.min(), part.max()
        if not (low >= 0 and high <= highest):  # also true of what is not a number
            raise UserError(f"{found}: found values from {low} to {high}, allowed: 0 to {highest} for {images.dtype}")
        pixels[chunk] = np.rint(part * np.float64(255 / highest))
    return pixels
