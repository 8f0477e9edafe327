"""Arrays in memory: where they lie, and how much of them is worked on at a time."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

CHUNK_PIXELS = 2**23
ALIGNMENT = 64  # bytes, what TensorFlow asks of a tensor's address; numpy's own arrays have 16


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array with arbitrary content at an address that is a multiple of `ALIGNMENT`."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def chunks(images: Array, multiple: int = 1) -> Iterator[slice]:
    """Slices of images (N, ...), some million pixels or `multiple` images each, so that float copies stay small."""
    pixels = max(1, math.prod(images.shape[1:]))
    count = multiple * max(1, CHUNK_PIXELS // (multiple * pixels))
    return (slice(start, start + count) for start in range(0, len(images) if images.size else 0, count))
