"""CSV files: a column of numbers for each name."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from latentlab.storage.memory import Array
from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing


def write_csv(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write rows with equal keys; nine digits, which a float32 survives unchanged."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.9g}" for key, value in row.items()} for row in rows)


def read_csv(path: Path) -> dict[str, Array]:
    """A column of float64 (rows,) for each name in the header. Raises `UserError`."""
    with reading(path, csv.Error, ValueError, TypeError, StopIteration), path.open(newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        columns = np.array([[float(cell) for cell in row] for row in reader]).T  # (columns, rows)
        return dict(zip(header, columns, strict=True))
