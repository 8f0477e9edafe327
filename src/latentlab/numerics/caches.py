"""The sizes of the CPU's caches as Eigen, in TensorFlow, knows them: they decide in which blocks it sums products.

With 48 KiB of L1 data cache in place of 32 some rows of a product were rounded otherwise. Eigen asks the CPU once and
keeps the answer in variables that no function of TensorFlow's reaches, hence this: they are looked up by their content
among the variables of its libraries, and set to one size for all. `numerics/fingerprint.py` has a product that notices
if that did not work.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np

QUERY = "_ZN5Eigen8internal15queryCacheSizesERiS1_S1_"  # void Eigen::internal::queryCacheSizes(int&, int&, int&)
SIZES = (32 * 2**10, 2**20, 8 * 2**20)  # bytes of L1 data cache, L2 and L3
LIBRARY = "libtensorflow"

Words = np.ndarray[tuple[int], np.dtype[np.int64]]


def fix_cache_sizes() -> int:
    """Have Eigen reckon with `SIZES`; how many copies of its answer were found, which is 0 on unknown systems.

    Call it when TensorFlow has computed a product inside XLA and one outside, which makes the copies.
    """
    import tensorflow as tf

    framework = Path(tf.__file__).with_name("libtensorflow_framework.so.2")
    query = getattr(ctypes.CDLL(str(framework)), QUERY, None) if framework.exists() else None
    if query is None:
        return 0
    asked = [ctypes.c_int() for _ in SIZES]
    query(*map(ctypes.byref, asked))
    found = tuple(size.value for size in asked)
    return sum(_replace(found, variables) for variables in _variables())


def _replace(found: tuple[int, ...], words: Words) -> int:
    """Set each place that holds the sizes that were `found`; the number of places."""
    places = np.flatnonzero((words[:-2] == found[0]) & (words[1:-1] == found[1]) & (words[2:] == found[2]))
    for place in places:
        words[place : place + 3] = SIZES
    return len(places)


def _variables() -> Iterator[Words]:
    """The variables of TensorFlow's libraries, as they lie in memory, in words of 8 bytes."""
    segments: list[tuple[int, int]] = []

    @_CALLBACK
    def collect(info: "ctypes._Pointer[_Library]", _size: int, _data: int | None) -> int:
        library = info.contents
        if Path(library.name.decode()).name.startswith(LIBRARY):
            segments.extend(
                (library.address + header.address, header.size)
                for header in library.headers[: library.count]
                if header.kind == _LOADED and header.flags & _WRITABLE
            )
        return 0

    ctypes.CDLL(None).dl_iterate_phdr(collect, None)
    for start, size in segments:
        first = -(-start // 8) * 8
        yield np.ctypeslib.as_array((ctypes.c_int64 * ((start + size - first) // 8)).from_address(first))


_LOADED, _WRITABLE = 1, 2  # PT_LOAD and PF_W of elf(5)


class _Header(ctypes.Structure):
    """Elf64_Phdr of elf(5)."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("physical", ctypes.c_uint64),
        ("in_file", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("alignment", ctypes.c_uint64),
    )


class _Library(ctypes.Structure):
    """The beginning of dl_phdr_info of dl_iterate_phdr(3)."""

    _fields_ = (
        ("address", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.POINTER(_Header)),
        ("count", ctypes.c_uint16),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Library), ctypes.c_size_t, ctypes.c_void_p)
