"""Published values beside those of a study: a table for the metrics that `published.yaml` names."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from latentlab.config.published import Published
from latentlab.tables.columns import Column, by_tracked_name, column_of
from latentlab.tables.rows import Row, formatted, row, text_of
from latentlab.tables.table import Metrics

HEAD = ("variant", "metric", "obtained", "published", "difference", "setting", "remark", "source")
WORDS = ("metric", "setting", "remark", "source")  # columns of text, as the first is
LISTED = 3  # variants that are named where a value is of several

Replicates = Mapping[str, Sequence[str]]


def beside(
    published: Sequence[Published], metrics: Mapping[str, Metrics], replicates: Replicates, references: Sequence[Row]
) -> list[list[str]]:
    """Cells under `HEAD`: metric by metric what is published, then the variants and references that have no such value.

    `replicates` has the variants that differ in the seed alone by the name of the first. A published value of any of
    them stands beside the mean of all.
    """
    cells = []
    for metric in dict.fromkeys(entry.metric for entry in published):
        column = column_of(metric)
        entries = [entry for entry in published if entry.metric == metric]
        named = {_first(name, replicates) for entry in entries for name in entry.names}
        named |= {entry.row for entry in entries if entry.row}
        for entry in entries:
            firsts = list(dict.fromkeys(_first(name, replicates) for name in entry.names))
            found = _obtained(firsts, column, metrics, replicates) if firsts else _of_name(entry.row or "", references)
            cells.append(_published(entry, column, found))
        others = [_obtained([first], column, metrics, replicates) for first in replicates if first not in named]
        others += [each for each in references if each.name not in named]
        cells += [_cells(each, column) for each in others if column.tracked in each.means]
    return cells


def _of_name(name: str, references: Sequence[Row]) -> Row:
    """The reference that is called so, or an empty row of that name."""
    return next((each for each in references if each.name == name), row(name, [{}]))


def _published(entry: Published, column: Column, found: Row) -> list[str]:
    line = _cells(found, column)
    line[3] = f"{entry.value:.10g}"
    if column.tracked in found.means:
        line[4] = formatted(found.means[column.tracked] - entry.value, f"+{column.format}")
    line[5:] = [_one_line(words) for words in (entry.setting, entry.remark, entry.source)]
    return line


def _first(name: str, replicates: Replicates) -> str:
    """The first of the variants that are this one but for the seed."""
    return next(first for first, names in replicates.items() if name in names)


def _obtained(firsts: Sequence[str], column: Column, metrics: Mapping[str, Metrics], replicates: Replicates) -> Row:
    """The mean of variants, each with all its seeds.

    Where they have as many seeds each, the n-th seeds of all are a result, whose mean and deviation it is; else there
    is a mean alone.
    """
    values = [[by_tracked_name(metrics[name]).get(column.tracked) for name in replicates[first]] for first in firsts]
    known = [[value for value in seeds if value is not None] for seeds in values]
    name = ", ".join(firsts) if len(firsts) <= LISTED else f"mean of {len(firsts)} variants"
    if known != values:
        return row(name, [{}])
    if len({len(seeds) for seeds in known}) > 1:
        return row(name, [{column.tracked: fmean(fmean(seeds) for seeds in known)}])
    return row(name, [{column.tracked: fmean(together)} for together in zip(*known, strict=True)])


def _cells(found: Row, column: Column) -> list[str]:
    """What is obtained, with nothing published."""
    text = text_of(found, column)
    seeds = f" ({found.count} seeds)" if found.count > 1 and text else ""
    return [found.name, column.dotted, text + seeds, "", "", "", "", ""]


def _one_line(words: str | None) -> str:
    return " ".join((words or "").split())
