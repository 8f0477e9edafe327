"""CSV files: a column of numbers for each name."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from latentlab.storage.memory import Array
from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing


def write_csv(path: Path, rows: Sequence[Mapping[str, float]], columns: Sequence[str] = ()) -> None:
    """Write rows with equal keys, or the names of `columns` if there is none; nine digits, as float32 survives them."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.9g}" for key, value in row.items()} for row in rows)


def read_csv(path: Path) -> dict[str, Array]:
    """A column of float64 (rows,) for each name in the header. Raises `UserError`."""
    with reading(path, csv.Error, ValueError, TypeError), path.open(newline="") as file:
        lines = file.readlines()
        header, *body = csv.reader(lines)
        if not lines[-1].endswith("\n"):
            raise ValueError("cut off")
        rows = [[float(cell) for cell in row] for row in body]
        columns = np.array(rows).T if rows else np.empty((len(header), 0))  # (columns, rows)
        return dict(zip(header, columns, strict=True))
