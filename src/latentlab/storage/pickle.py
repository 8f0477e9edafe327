"""Pickle files: a dict of plain values and numpy arrays."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing

# what arrays, their dtypes and numpy's scalars are made of, by numpy 2 and by numpy 1
MODULES = {f"{core}.{module}" for core in ("numpy._core", "numpy.core") for module in ("multiarray", "numeric")}
ALLOWED = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
ALLOWED |= {(module, name) for module in MODULES for name in ("_reconstruct", "_frombuffer", "scalar")}


def write_pickle(path: Path, content: Mapping[str, Any]) -> None:
    """Write a dict of plain values and numpy arrays."""
    # pickle writes a view and an array in Fortran order in another way than a plain array
    plain = {
        key: np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value for key, value in content.items()
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        pickle.dump(plain, file, protocol=4)


def read_pickle(path: Path) -> dict[str, Any]:
    """The dict that `write_pickle` wrote. Nothing but plain values and numpy arrays is made. Raises `UserError`."""
    faults = (pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError, ImportError)
    with reading(path, *faults), path.open("rb") as file:
        content = _Plain(file).load()
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}")
        return content


class _Plain(pickle.Unpickler):
    """Refuses whatever a pickle could run (https://docs.python.org/3/library/pickle.html#restricting-globals)."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"holds {module}.{name}, allowed: plain values and numpy arrays")
        return super().find_class(module, name)
