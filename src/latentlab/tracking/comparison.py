"""`latentlab runs`: runs in MLflow side by side, those that differ only in the seed as one row."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from latentlab.errors import UserError
from latentlab.report.markdown import markdown_table
from latentlab.report.table import COLUMNS, Column, better
from latentlab.tracking.glance import FINISHED, KEY, SUPERSEDED
from latentlab.tracking.place import Place
from latentlab.tracking.store import Store

# runs of this package that hold a whole result, in MLflow's language
WHOLE = f"tags.`{KEY}` LIKE '%' AND attributes.status = '{FINISHED}'"
SEED = "seed"


@dataclass(frozen=True)
class Row:
    """Runs with the same parameters but for the seed: a mean for each metric, and a deviation if they are several."""

    study: str
    name: str
    count: int
    means: dict[str, float]
    deviations: dict[str, float]


@dataclass(frozen=True)
class Cell:
    """What a table shows of a metric, and whether none of its column is better."""

    text: str
    best: bool


def find(studies: Sequence[str], names: Sequence[str], superseded: bool = False) -> list[Any]:
    """MLflow's finished runs of some studies (all without a name), and of them those with one of the `names`.

    A name is that of a variant, or the id of a run. `superseded` adds the runs of older versions. Raises `UserError` if
    there is nothing, and `StoreError`.
    """
    store = Store(Place.of(Path()))
    known = store.studies()
    for study in studies:
        if study not in known:
            raise UserError(f"--study: found no {study!r} in {store.place}, allowed: {', '.join(known)}")
    found = [run for study in studies or known for run in store.runs(study, WHOLE)]
    runs = [run for run in found if superseded or SUPERSEDED not in run.data.tags]
    for name in names:
        if not any(name in (run.info.run_name, run.info.run_id) for run in runs):
            there = ", ".join(sorted({run.info.run_name for run in runs})) or "nothing here"
            raise UserError(f"runs: found no {name!r}, allowed: an id, or one of {there}")
    chosen = [run for run in runs if not names or run.info.run_name in names or run.info.run_id in names]
    if not chosen:
        raise UserError(f"{store.place} has no finished run of {', '.join(studies)}; `latentlab track` adds them")
    return chosen


def grouped(runs: Iterable[Any]) -> list[Row]:
    """A row for the runs that differ in the seed alone; what tells apart rows of one name joins it."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for run in runs:
        params = {name: value for name, value in run.data.params.items() if name != SEED}
        origin = run.data.tags.get("latentlab.study", ""), run.info.run_name
        tags = run.data.tags
        others = tags.get("dataset.sha256", ""), tags.get("latentlab.code", "")
        groups.setdefault((origin, tuple(sorted(params.items())), others), []).append(run)
    return [_row(key[0], members, _differences(key, groups)) for key, members in groups.items()]


def _differences(key: tuple[Any, ...], groups: Iterable[tuple[Any, ...]]) -> str:
    """Parameters, or else data or source, in which a group differs from others of its name."""
    origin, params, hashes = key
    others = [(dict(theirs), their_hashes) for name, theirs, their_hashes in groups if name == origin]
    found = [f"{name}={value}" for name, value in params if any(theirs.get(name) != value for theirs, _ in others)]
    for at, kind in enumerate(("data", "source")):
        if not found and any(theirs[at] != hashes[at] for _, theirs in others):
            found = [f"{kind} {hashes[at][:7]}"]
    return ", ".join(found)


def _row(origin: tuple[str, str], runs: Sequence[Any], differences: str) -> Row:
    study, name = origin
    shared = set.intersection(*(set(run.data.metrics) for run in runs))
    values = {metric: [run.data.metrics[metric] for run in runs] for metric in shared}
    return Row(
        study,
        f"{name} ({differences})" if differences else name,
        len(runs),
        {metric: fmean(all_) for metric, all_ in values.items()},
        {metric: stdev(all_) for metric, all_ in values.items() if len(all_) > 1},
    )


def ordered(rows: Sequence[Row], metric: str) -> list[Row]:
    """The best first; rows without the metric last. Raises `UserError` if there is no better and worse of it."""
    sign = 1 if better(metric) == "↓" else -1
    return sorted(rows, key=lambda row: sign * row.means[metric] if metric in row.means else math.inf)


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
    """Headings and cells: run, its study if there are several, number of seeds if any has several, main metrics."""
    several_studies = len({row.study for row in rows}) > 1
    several_seeds = any(row.count > 1 for row in rows)
    head = ["run", *["study"] * several_studies, *["seeds"] * several_seeds]
    head += [f"{column.heading} {column.better}".rstrip() for column in COLUMNS]
    best = {column.tracked: _best(rows, column) for column in COLUMNS}
    body = []
    for row in rows:
        texts = [row.name, *[row.study] * several_studies, *[str(row.count)] * several_seeds]
        cells = [Cell(text, best=False) for text in texts]
        body.append(cells + [_cell(row, column, best[column.tracked]) for column in COLUMNS])
    return head, body


def _best(rows: Sequence[Row], column: Column) -> float | None:
    values = [row.means[column.tracked] for row in rows if column.tracked in row.means]
    if not column.better or len(values) < 2:
        return None
    return min(values) if column.better == "↓" else max(values)


def _cell(row: Row, column: Column, best: float | None) -> Cell:
    mean = row.means.get(column.tracked)
    if mean is None:
        return Cell("", best=False)
    text = format(round(mean) if column.format.endswith("d") else mean, column.format)
    deviation = row.deviations.get(column.tracked)
    if deviation is not None and column.better:
        text += f" ± {format(deviation, column.format)}"
    return Cell(text, best=mean == best)


def markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown, the best in bold."""
    head, body = table(rows)
    return markdown_table(head, ([f"**{cell.text}**" if cell.best else cell.text for cell in row] for row in body))


def comma_separated(rows: Sequence[Row]) -> str:
    """Every metric, unrounded, with its standard deviation in a column of its own; for spreadsheets."""
    metrics = sorted({metric for row in rows for metric in row.means})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["study", "run", "seeds", *(name for metric in metrics for name in (metric, f"{metric} std"))])
    for row in rows:
        pairs = [(row.means.get(metric, ""), row.deviations.get(metric, "")) for metric in metrics]
        writer.writerow([row.study, row.name, row.count, *(value for pair in pairs for value in pair)])
    return text.getvalue().rstrip("\n")
