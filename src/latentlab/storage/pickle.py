"""Pickle files: a dict of plain values and numpy arrays."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing


def write_pickle(path: Path, content: Mapping[str, Any]) -> None:
    """Write a dict of plain values and numpy arrays."""
    # pickle writes a view and an array in Fortran order in another way than a plain array
    plain = {
        key: np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value for key, value in content.items()
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        pickle.dump(plain, file, protocol=4)


def read_pickle(path: Path) -> dict[str, Any]:
    """The dict that `write_pickle` wrote. Raises `UserError`."""
    faults = (pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError, ImportError)
    with reading(path, *faults), path.open("rb") as file:
        content = pickle.load(file)
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}")
        return content
