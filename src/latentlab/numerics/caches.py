"""The sizes of the CPU's caches as Eigen, in TensorFlow, knows them: they decide in which blocks it sums products.

With 48 KiB of L1 data cache in place of 32 some rows of a product were rounded otherwise. Eigen asks the CPU once and
keeps the answer in variables that no function of TensorFlow's reaches, hence this: they are looked up in its memory by
their content and set to one size for all. `numerics/fingerprint.py` has a product that notices if that did not work.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np

Words = np.ndarray[tuple[int], np.dtype[np.int64]]

MAPS = Path("/proc/self/maps")
QUERY = "_ZN5Eigen8internal15queryCacheSizesERiS1_S1_"  # void Eigen::internal::queryCacheSizes(int&, int&, int&)
SIZES = (32 * 2**10, 2**20, 8 * 2**20)  # bytes of L1 data cache, L2 and L3


def fix_cache_sizes() -> int:
    """Have Eigen reckon with `SIZES`; how many copies of its answer were found, which is 0 on unknown systems.

    Call it when TensorFlow has computed a product inside XLA and one outside, which makes the copies.
    """
    import tensorflow as tf

    library = Path(tf.__file__).with_name("libtensorflow_framework.so.2")
    if not (MAPS.exists() and library.exists()):
        return 0
    query = getattr(ctypes.CDLL(str(library)), QUERY, None)
    if query is None:
        return 0
    asked = [ctypes.c_int() for _ in SIZES]
    query(*map(ctypes.byref, asked))
    found = tuple(size.value for size in asked)
    return sum(_replace(found, memory) for memory in _variables("libtensorflow"))


def _variables(library: str) -> Iterator[Words]:
    """The writable memory of the libraries whose name begins so, and what follows it without a name: `.bss`."""
    of = ""
    for line in MAPS.read_text().splitlines():
        addresses, permissions, *rest = line.split(maxsplit=5)
        path = rest[3] if len(rest) == 4 else ""
        of = path or of
        if permissions.startswith("rw") and Path(of).name.startswith(library):
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield np.ctypeslib.as_array((ctypes.c_int64 * ((end - start) // 8)).from_address(start))


def _replace(found: tuple[int, ...], memory: Words) -> int:
    """Set each place that holds the sizes that were `found`; the number of places."""
    places = np.flatnonzero((memory[:-2] == found[0]) & (memory[1:-1] == found[1]) & (memory[2:] == found[2]))
    for place in places:
        memory[place : place + 3] = SIZES
    return len(places)
