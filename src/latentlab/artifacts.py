"""Read and write each kind of file. The same content gives the same bytes, and no file is ever half-written."""

import csv
import json
import os
import pickle
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.errors import UserError
from latentlab.memory import aligned_empty

if TYPE_CHECKING:  # each of these takes seconds to import and most stages need none of them
    import keras
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

_CHUNK = 2**20  # bytes that are read at a time
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can state


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well and vanishes when it does not.

    Raises `UserError` if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote `path`."""
    for left in path.parent.glob(f".{path.name}.????????{path.suffix}"):  # mkstemp's eight random letters
        left.unlink(missing_ok=True)


@contextmanager
def _reading(path: Path, *faults: type[Exception]) -> Iterator[None]:
    """Turn a missing file and the `faults` of a damaged one into a `UserError` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `dvc repro` makes it") from None
    except Exception as error:
        if not isinstance(error, (OSError, *faults)):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: cannot be read, damaged or truncated ({reason}); `dvc repro` makes it anew") from None


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays, uncompressed."""
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path) -> dict[str, Array]:
    """Named arrays, at addresses that suit TensorFlow. Pickled objects are refused. Raises `UserError`."""
    with _reading(path, ValueError, KeyError, EOFError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _read_npy(archive, name) for name in archive.namelist()}


def _read_npy(archive: zipfile.ZipFile, name: str) -> Array:
    """One array of an npz file, without the copy that numpy's own reader makes on the way to aligned memory."""
    with archive.open(name) as file:
        np.lib.format.read_magic(file)
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.hasobject:
            raise ValueError("pickled objects")
        array = aligned_empty(shape[::-1] if fortran_order else shape, dtype)
        content, start = array.reshape(-1).view(np.uint8), 0
        while chunk := file.read(_CHUNK):  # up to the end, where the checksum is looked at
            content[start : start + len(chunk)] = np.frombuffer(chunk, np.uint8)
            start += len(chunk)
        if start < array.nbytes:
            raise ValueError(f"{name} is too short")
    return array.T if fortran_order else array


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
    with _reading(path, pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError), path.open("rb") as file:
        content = pickle.load(file)
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}")
        return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested plain values; floats get six significant digits, which is more than any of them deserves."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_rounded(content), indent=2, allow_nan=False) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object. Raises `UserError`."""
    with _reading(path, ValueError):
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}")
        return content


def write_csv(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write rows with equal keys; nine digits, which a float32 survives unchanged."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.9g}" for key, value in row.items()} for row in rows)


def read_csv(path: Path) -> dict[str, Array]:
    """A column of float64 (rows,) for each name in the header. Raises `UserError`."""
    with _reading(path, ValueError, TypeError, StopIteration), path.open(newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        columns = np.array([[float(cell) for cell in row] for row in reader]).T  # (columns, rows)
        return dict(zip(header, columns, strict=True))


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a matplotlib figure as PNG, without the library's version in it."""
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None}, bbox_inches="tight")


def write_keras(path: Path, model: "keras.Model") -> None:
    """Write a Keras model as a `.keras` archive.

    Keras puts the date, zip times and memory addresses (`shared_object_id`) into it. They are replaced by
    constants, so that the same weights give the same bytes, and any Keras 3 still opens the file.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        metadata = json.loads(members["metadata.json"])
        members["metadata.json"] = json.dumps(metadata | {"date_saved": "1980-01-01@00:00:00"}).encode()
        members["config.json"] = _without_addresses(members["config.json"].decode()).encode()
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content)


def _without_addresses(config: str) -> str:
    """Number shared objects by first appearance in place of their address."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)', lambda match: f"{match[1]}{numbers.setdefault(match[2], len(numbers))}", config
    )


def read_keras(path: Path) -> "keras.Model":
    """A model without its training state. Raises `UserError`."""
    import keras

    with _reading(path, ValueError, KeyError, zipfile.BadZipFile):
        if not path.exists():  # Keras reports this as a ValueError
            raise FileNotFoundError
        return keras.saving.load_model(path, compile=False)
