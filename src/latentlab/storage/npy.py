"""npy files: one array."""

from pathlib import Path

import numpy as np

from latentlab.storage.memory import Array
from latentlab.storage.reading import reading


def read_npy(path: Path, made_by: str = "") -> Array:
    """The array; nothing is ever unpickled. `made_by` as in `reading`. Raises `UserError`."""
    with reading(path, ValueError, EOFError, MemoryError, made_by=made_by), path.open("rb") as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array
