"""The tables of a study's results."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from latentlab.config import paths
from latentlab.storage.json import read_json
from latentlab.tables.columns import COLUMNS, USES, Column, by_tracked_name
from latentlab.tables.rows import Row, filled, row

Metrics = dict[str, dict[str, float]]
FIRST = "variant"  # the heading of the first column


def read(variants: Iterable[str]) -> dict[str, Metrics]:
    """The metrics of each variant of the study in the current folder. Raises `UserError` where a file is missing."""
    return {variant: read_json(paths.metrics(variant)) for variant in variants}


def references() -> list[Row]:
    """A row for each reference of the study in the current folder: what has no code. None where it was not measured."""
    if not paths.REFERENCES.exists():
        return []
    return [row(name, [by_tracked_name(blocks)]) for name, blocks in read_json(paths.REFERENCES).items()]


def rows(metrics: Mapping[str, Metrics], replicates: Mapping[str, Sequence[str]]) -> list[Row]:
    """A row for the variants that differ in the seed alone, which `replicates` has by the name of the first."""
    return [row(first, [by_tracked_name(metrics[name]) for name in names]) for first, names in replicates.items()]


class Shown(NamedTuple):
    """One table: what it is of, its rows and its columns."""

    title: str
    rows: Sequence[Row]
    columns: Sequence[Column]


def shown(rows: Sequence[Row]) -> list[Shown]:
    """The main table and that of uses, each of the rows that have a number in it; one without rows is left out."""
    main, _ = filled(rows, COLUMNS)
    tables = Shown("main metrics", main, COLUMNS), Shown("uses", *filled(rows, USES))
    return [each for each in tables if each.rows]
