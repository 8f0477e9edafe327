"""Squared Euclidean distances in float64, some rows at a time, so that memory stays small."""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from latentlab.metrics.scale import moderate
from latentlab.storage.memory import Array, chunks

CENTRE_BITS = 20  # squares of rows of so many bits, a thousand added, are exact


def squared_distances(queries: Array, database: Array) -> Iterator[tuple[slice, Array]]:
    """Of each query (Q, D) to each row of a database (N, D): a slice of the queries and their distances (q, N).

    All are scaled alike if `moderate` scales the rows. They are right to about 1e-15 of the squared distances from the
    database's mean. Equal rows of the database are exactly equally far, and so are, as with codes of zeros and ones,
    all rows whose distances float64 holds without rounding.
    """
    queries, database = moderate(queries, database)
    centre = _centre(database)  # (D,)
    first = _first_of_equals(database)  # (N,)
    distinct = (first == np.arange(len(first))).all()
    for part in chunks(np.broadcast_to(0, (len(queries), len(database)))):
        distances = _block(queries[part] - centre, database, centre)  # (q, N)
        yield part, distances if distinct else distances[:, first]


def distances_to_others(points: Array) -> Iterator[tuple[slice, Array]]:
    """`squared_distances` of points (N, D) to each other; each is infinitely far from itself."""
    for part, distances in squared_distances(points, points):
        rows = np.arange(len(points))[part]
        distances[rows - rows[0], rows] = np.inf
        yield part, distances


def _block(centred: Array, database: Array, centre: Array) -> Array:
    distances = np.zeros((len(centred), len(database)))
    for part in chunks(database):
        rows = database[part] - centre  # (n, D)
        products = centred @ rows.T  # (q, n)
        products *= -2
        products += np.einsum("nd,nd->n", rows, rows)
        distances[:, part] = products
    distances += np.einsum("qd,qd->q", centred, centred)[:, None]
    np.maximum(distances, 0, out=distances)
    distances += 0.0  # no negative zero
    return distances


def _centre(rows: Array) -> Array:
    """The mean row (D,), without which offsets cost digits; of few bits, so that rows of few bits stay exact."""
    mean = rows.sum(axis=0, dtype=np.float64) / max(1, len(rows))
    largest = max(float(rows.max(initial=0)), -float(rows.min(initial=0)))
    unit = 2.0 ** (np.frexp(largest)[1] - CENTRE_BITS)
    return np.asarray(np.round(mean / unit) * unit)


def _first_of_equals(rows: Array) -> Array:
    """For each row the number of the first that equals it, (N,).

    A product of matrices is summed in an order that depends on where in the matrix a row is, so equal rows may get
    unequal distances.
    """
    first: dict[bytes, int] = {}
    return np.array(
        [first.setdefault(blake2b((row + 0.0).tobytes()).digest(), number) for number, row in enumerate(rows)], np.intp
    )
