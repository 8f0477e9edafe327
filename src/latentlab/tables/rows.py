"""Rows of a table of results: variants, or runs, that differ in the seed alone are one, with mean and deviation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from latentlab.tables.columns import COLUMNS, Column
from latentlab.tables.markdown import markdown_table


@dataclass(frozen=True)
class Row:
    """A mean for each metric by its name in MLflow, and a standard deviation if there are several seeds."""

    name: str
    count: int
    means: dict[str, float]
    deviations: dict[str, float]
    study: str = ""


@dataclass(frozen=True)
class Cell:
    """What a table shows of a metric, and whether none of its column is better."""

    text: str
    best: bool


def row(name: str, results: Sequence[Mapping[str, float]], study: str = "") -> Row:
    """The row of results that differ in the seed alone: of the metrics that all of them have."""
    shared = set.intersection(*(set(result) for result in results))
    values = {metric: [result[metric] for result in results] for metric in shared}
    means = {metric: fmean(all_) for metric, all_ in values.items()}
    deviations = {metric: stdev(all_) for metric, all_ in values.items() if len(all_) > 1}
    return Row(name, len(results), means, deviations, study)


def table(rows: Sequence[Row], first: str, columns: Sequence[Column] = COLUMNS) -> tuple[list[str], list[list[Cell]]]:
    """Headings and cells: name, its study if there are several, number of seeds if any has several, metrics."""
    several_studies = len({row.study for row in rows}) > 1
    several_seeds = any(row.count > 1 for row in rows)
    head = [first, *["study"] * several_studies, *["seeds"] * several_seeds]
    head += [f"{column.heading} {column.better}".rstrip() for column in columns]
    best = {column.tracked: _best(rows, column) for column in columns}
    body = []
    for each in rows:
        texts = [each.name, *[each.study] * several_studies, *[str(each.count)] * several_seeds]
        cells = [Cell(text, best=False) for text in texts]
        body.append(cells + [_cell(each, column, best[column.tracked]) for column in columns])
    return head, body


def _best(rows: Sequence[Row], column: Column) -> float | None:
    values = [row.means[column.tracked] for row in rows if column.tracked in row.means]
    if not column.better or len(values) < 2:
        return None
    return min(values) if column.better == "↓" else max(values)


def _cell(row: Row, column: Column, best: float | None) -> Cell:
    mean = row.means.get(column.tracked)
    return Cell(text_of(row, column), best=mean is not None and mean == best)


def text_of(row: Row, column: Column) -> str:
    """The mean of a metric with its deviation, as a table shows it; empty where the row has none."""
    mean = row.means.get(column.tracked)
    if mean is None:
        return ""
    text = formatted(mean, column.format)
    deviation = row.deviations.get(column.tracked)
    if deviation is not None and column.better:
        text += f" ± {format(deviation, column.format)}"
    return text


def formatted(value: float, form: str) -> str:
    """A number in a column's format, to the nearest whole number where that is for these."""
    return format(round(value) if form.endswith("d") else value, form)


def filled(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[list[Row], list[Column]]:
    """The rows that have a number for any of the columns, and the columns for which any row has one."""
    kept = [row for row in rows if any(column.tracked in row.means for column in columns)]
    return kept, [column for column in columns if any(column.tracked in row.means for row in rows)]


def markdown(rows: Sequence[Row], first: str, columns: Sequence[Column] = COLUMNS) -> str:
    """The table in Markdown, the best in bold."""
    head, body = table(rows, first, columns)
    return markdown_table(head, ([f"**{cell.text}**" if cell.best else cell.text for cell in row] for row in body))
