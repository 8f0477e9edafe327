"""`latentlab runs`: runs in MLflow side by side, those that differ only in the seed as one row."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.errors import UserError
from latentlab.tables.columns import better
from latentlab.tables.rows import Row, row
from latentlab.tracking.glance import FINISHED, KEY, SUPERSEDED
from latentlab.tracking.place import Place
from latentlab.tracking.store import Store

# runs of this package that hold a whole result, in MLflow's language
WHOLE = f"tags.`{KEY}` LIKE '%' AND attributes.status = '{FINISHED}'"
SEEDS = ("seed", "prepare/seed")


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


@dataclass(frozen=True)
class Group:
    """Runs that differ in the seed alone, with what they share."""

    study: str
    params: dict[str, str]
    hashes: list[str]  # of data, of source
    runs: dict[tuple[str, ...], Any]  # by their seeds, the newest of each: no result counts twice

    @property
    def name(self) -> str:
        """That of the first variant: `simple` of `simple`, `simple_2` and `simple_10`."""
        return min((str(run.info.run_name) for run in self.runs.values()), key=lambda name: (len(name), name))


def grouped(runs: Iterable[Any]) -> list[Row]:
    """A row for the runs that differ in the seed alone; what tells apart rows of one name joins it."""
    groups: dict[tuple[Any, ...], Group] = {}
    for run in sorted(runs, key=lambda run: run.info.start_time):
        params, tags = run.data.params, run.data.tags
        study, *hashes = (tags.get(name, "") for name in ("latentlab.study", "dataset.sha256", "latentlab.code"))
        shared = {name: value for name, value in params.items() if name not in SEEDS}
        group = groups.setdefault((study, *hashes, *sorted(shared.items())), Group(study, shared, hashes, {}))
        group.runs[tuple(params.get(name, "") for name in SEEDS)] = run
    return [_row(group, _differences(group, groups.values())) for group in groups.values()]


def _differences(group: Group, groups: Iterable[Group]) -> str:
    """Parameters, or else data or source, in which a group differs from others of its name."""
    others = [each for each in groups if (each.study, each.name) == (group.study, group.name)]
    differ = {name for each in others for name, value in group.params.items() if each.params.get(name) != value}
    found = [f"{name}={group.params[name]}" for name in sorted(differ)]
    for at, kind in enumerate(("data", "source")):
        if not found and any(each.hashes[at] != group.hashes[at] for each in others):
            found = [f"{kind} {group.hashes[at][:7]}"]
    return ", ".join(found)


def _row(group: Group, differences: str) -> Row:
    name = f"{group.name} ({differences})" if differences else group.name
    return row(name, [run.data.metrics for run in group.runs.values()], group.study)


def ordered(rows: Sequence[Row], metric: str) -> list[Row]:
    """The best first; rows without the metric last. Raises `UserError` if there is no better and worse of it."""
    sign = 1 if better(metric) == "↓" else -1
    return sorted(rows, key=lambda row: sign * row.means[metric] if metric in row.means else math.inf)


def comma_separated(rows: Sequence[Row]) -> str:
    """Every metric, unrounded, with its standard deviation in a column of its own; for spreadsheets."""
    metrics = sorted({metric for row in rows for metric in row.means})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["study", "run", "seeds", *(name for metric in metrics for name in (metric, f"{metric} std"))])
    for each in rows:
        pairs = [(each.means.get(metric, ""), each.deviations.get(metric, "")) for metric in metrics]
        writer.writerow([each.study, each.name, each.count, *(value for pair in pairs for value in pair)])
    return text.getvalue().rstrip("\n")
