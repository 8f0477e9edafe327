"""Which column comes first by distance, and of equals the lower one. Distances are (N,) or (Q, N), not negative."""

import numpy as np

from latentlab.storage.memory import Array


def order(distances: Array) -> Array:
    """Columns by growing distance (N,), as a stable argsort has them, from float64 without negative zeros.

    Bits of such numbers grow as they do. numpy sorts 16 bits by radix: four passes take half the time of its own sort.
    """
    bits = distances.view(np.uint64)
    columns = np.arange(len(bits))
    for shift in (0, 16, 32, 48):
        digits = (bits[columns] >> np.uint64(shift)).astype(np.uint16)
        columns = columns[np.argsort(digits, kind="stable")]
    return columns


def nearest(distances: Array, count: int) -> Array:
    """The first `count` columns of each row, nearest first, (Q, count)."""
    found = np.empty((len(distances), count), np.intp)
    for row, columns in zip(distances, found, strict=True):
        near = np.flatnonzero(row <= np.partition(row, count - 1)[count - 1])
        columns[:] = near[np.argsort(row[near], kind="stable")[:count]]
    return found


def ranks(distances: Array, columns: Array) -> Array:
    """Which place, from 1, some columns (Q, K) of each row have, (Q, K)."""
    return np.array(
        [[_rank(row, column) for column in some] for row, some in zip(distances, columns, strict=True)], np.intp
    )


def _rank(distances: Array, column: int) -> int:
    own = distances[column]
    return int(1 + np.count_nonzero(distances < own) + np.count_nonzero(distances[:column] == own))
