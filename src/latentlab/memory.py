"""Memory that other libraries can use as it is."""

import math
from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes, what TensorFlow asks of a tensor's address; numpy's own arrays have 16


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    """An array with arbitrary content at an address that is a multiple of `ALIGNMENT`."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)
