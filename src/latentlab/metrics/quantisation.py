"""A code as a compressed image: 8 bits an entry. Codes are (N, D), finite."""

import math

import numpy as np

from latentlab.storage.memory import Array, chunks

LEVELS = 255  # steps that 8 bits can count


def code_range(train_codes: Array) -> tuple[Array, Array]:
    """The least and the largest entry of each dimension, (D,) and (D,), of the codes' type."""
    return train_codes.min(axis=0), train_codes.max(axis=0)


def quantise(codes: Array, low: Array, high: Array) -> Array:
    """Codes as 8 bits an entry, (N, D) uint8: the nearest of 256 even steps from `low` to `high`, both (D,).

    What lies outside is clipped. A dimension whose `low` is its `high` gives 0.
    """
    low, high = low.astype(np.float64), high.astype(np.float64)
    span = np.where(high > low, high - low, 1)
    quantised = np.empty(codes.shape, np.uint8)
    for chunk in chunks(codes):
        quantised[chunk] = np.rint((np.clip(codes[chunk], low, high) - low) / span * LEVELS)
    return quantised


def dequantise(quantised: Array, low: Array, high: Array) -> Array:
    """Codes (N, D) float32 from those of `quantise`; a code within its range is off by (`high` - `low`) / 510 at most.

    A dimension whose `low` is its `high` gives just that.
    """
    low, high = low.astype(np.float64), high.astype(np.float64)
    codes = np.empty(quantised.shape, np.float32)
    for chunk in chunks(quantised):
        share = quantised[chunk] / LEVELS
        codes[chunk] = low * (1 - share) + high * share
    return codes


def bits(codes_shape: tuple[int, ...]) -> int:
    """Bits an image of quantised codes (N, D): 8 D."""
    return 8 * math.prod(codes_shape[1:])
