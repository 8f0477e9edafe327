"""Features brought to one scale, to which t-SNE is blind: its widths follow the distances."""

from typing import NamedTuple

import numpy as np

from latentlab.metrics.scale import LARGEST
from latentlab.storage.memory import Array, chunks


class Scale(NamedTuple):
    """`centre` (D,) float64 of the box that features fill, and its longest side, 0 if they are all the same."""

    centre: Array
    spread: float


def scale_of(features: Array) -> Scale:
    """Of finite features (N, D)."""
    low, high = (end.astype(np.float64) for end in (features.min(axis=0), features.max(axis=0)))
    return Scale((low + high) / 2, float((high - low).max()))


def scaled(features: Array, scale: Scale) -> Array:
    """Features (N, D) as float32 around 0 with the longest side 1; entries beyond +-1e10 are cut off there."""
    result = np.empty(features.shape, np.float32)
    for chunk in chunks(features):
        distances = (features[chunk].astype(np.float64) - scale.centre) / scale.spread
        result[chunk] = np.clip(distances, -LARGEST, LARGEST)
    return result
