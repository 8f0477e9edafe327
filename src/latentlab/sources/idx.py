"""IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist): a header, then bytes."""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from latentlab.errors import UserError
from latentlab.storage.memory import Array, aligned_empty

UNSIGNED_BYTE = 0x08
CHUNK = 2**20


def read_idx(path: Path, dimensions: int) -> Array:
    """The uint8 array with so many dimensions in an IDX file, gzipped or not.

    Raises `UserError` for a file that is no such thing, or has less or more in it than its header says.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            return _read(cast(BinaryIO, file), path, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError(f"{path}: damaged or truncated gzip file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def _read(file: BinaryIO, path: Path, dimensions: int) -> Array:
    magic, expected = file.read(4), bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if magic != expected:
        raise UserError(f"{path}: found {magic.hex() or 'nothing'} at its start, allowed: {expected.hex()} (IDX)")
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise UserError(f"{path}: ends within its header")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    promised = math.prod(shape)
    chunks, size = [], 0  # not one array of the promised size at once: the promise may be wrong
    while size <= promised and (chunk := file.read(CHUNK)):
        chunks.append(chunk)
        size += len(chunk)
    if size != promised:
        what = "more" if size > promised else f"{size}"
        raise UserError(f"{path}: its header promises {'x'.join(map(str, shape))} = {promised} bytes, found {what}")
    array = aligned_empty((promised,), np.dtype(np.uint8))
    np.concatenate([np.frombuffer(chunk, np.uint8) for chunk in chunks] or [array[:0]], out=array)
    return array.reshape(shape)
