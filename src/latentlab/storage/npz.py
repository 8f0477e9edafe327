"""npz files: named arrays."""

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from latentlab.storage.memory import Array, aligned_empty
from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing

CHUNK = 2**20  # bytes that are read at a time
NPY = b"\x93NUMPY"  # how a single array begins
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays, uncompressed."""
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path, made_by: str = "dvc repro") -> dict[str, Array]:
    """Named arrays, compressed or not, at addresses that suit TensorFlow. Nothing is ever unpickled.

    `made_by` is the command that makes the file, empty for a user's own. Raises `UserError`.
    """
    faults = (ValueError, KeyError, EOFError, MemoryError, NotImplementedError, RuntimeError)
    with reading(path, *faults, zipfile.BadZipFile, zlib.error, made_by=made_by):
        with path.open("rb") as file:
            if file.read(len(NPY)) == NPY:
                raise ValueError("a single array, allowed: an npz file, with names for its arrays")
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _read_npy(archive, name) for name in archive.namelist()}


def _read_npy(archive: zipfile.ZipFile, name: str) -> Array:
    """One array of an npz file, without the copy that numpy's own reader makes on the way to aligned memory."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:  # 3.0 is for field names beyond Latin-1, which no image has
            raise ValueError(f"{name} has the format {version[0]}.{version[1]}")
        shape, fortran_order, dtype = HEADERS[version](file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds pickled objects")
        if math.prod(shape) * dtype.itemsize > archive.getinfo(name).file_size:
            raise ValueError(f"{name} is too short")
        array = aligned_empty(shape[::-1] if fortran_order else shape, dtype)
        content, start = array.reshape(-1).view(np.uint8), 0
        while chunk := file.read(CHUNK):  # up to the end, where the checksum is looked at
            content[start : start + len(chunk)] = np.frombuffer(chunk, np.uint8)
            start += len(chunk)
        if start < array.nbytes:
            raise ValueError(f"{name} is too short")
    return array.T if fortran_order else array
