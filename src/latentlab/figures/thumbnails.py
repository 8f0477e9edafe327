"""Images as bytes, small enough for thousands of them in one file. Arrays only."""

import numpy as np

from latentlab.storage.memory import Array

SIDE = 64  # pixels, at most


def thumbnails(images: Array, side: int = SIDE) -> Array:
    """Images (n, H, W, C), uint8 or in [0, 1], as uint8 (n, h, w, C): averaged over squares where a side is longer.

    The squares have the smallest whole number of pixels a side with which `side` is kept; at the lower and right border
    they repeat the last row and column where the image ends within one.
    """
    levels = images if images.dtype == np.uint8 else np.rint(np.clip(images, 0, 1) * 255)
    n, height, width, channels = levels.shape
    square = -(-max(height, width) // side)
    if square > 1:
        more = [(0, 0), (0, -height % square), (0, -width % square), (0, 0)]
        levels = np.pad(levels, more, mode="edge")
        squares = levels.reshape(n, levels.shape[1] // square, square, -1, square, channels)  # (n, h, s, w, s, C)
        levels = np.rint(squares.mean(axis=(2, 4), dtype=np.float64))
    return levels.astype(np.uint8, copy=False)
