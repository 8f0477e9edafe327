"""What a sweep came to: a table with mean and deviation over seeds, and a picture of a metric over a setting."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentlab.storage.figure import write_figure
from latentlab.storage.replacing import replacing
from latentlab.storage.svg import write_svg
from latentlab.sweeps.axes import Axis, value
from latentlab.sweeps.experiment import Experiment
from latentlab.tables.columns import COLUMNS, Column, by_tracked_name, column_of
from latentlab.tables.rows import Row, filled, markdown, row

FIRST = "setting"
# by which a setting may be chosen, unlike those of test images
VALIDATION = Column("training", "validation_bce", "validation BCE", ".4f", "↓")
SHOWN = (*COLUMNS[:3], VALIDATION, *COLUMNS[3:])


def rows(found: Sequence[Experiment], metrics: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """A row for each setting, of those seeds whose metrics are there."""
    groups: dict[str, list[str]] = {}
    for each in found:
        if each.name in metrics:
            groups.setdefault(each.group, []).append(each.name)
    return [row(group, [by_tracked_name(metrics[name]) for name in names]) for group, names in groups.items()]


def write(
    folder: Path,
    found: Sequence[Experiment],
    metrics: Mapping[str, Mapping[str, Any]],
    axes: Sequence[Axis],
    metric: Column,
    about: str,
) -> list[Path]:
    """Write table, every number and picture; their paths."""
    made = rows(found, metrics)
    files = {
        folder / "results.md": f"# {about}\n\n{markdown(*_shown(made))}\n",
        folder / "results.csv": _comma_separated(found, metrics),
    }
    for path, text in files.items():
        with replacing(path) as temporary:
            temporary.write_text(text)
    if not any(metric.tracked in each.means for each in made):
        return list(files)
    picture = folder / f"{metric.dotted}.png"
    from latentlab.figures.sweep import sweep

    drawing = sweep(*_lines(found, made, axes, metric), f"{metric.heading} {metric.better}".strip(), about)
    write_figure(picture, drawing)
    write_svg(picture.with_suffix(".svg"), drawing)
    return [*files, picture, picture.with_suffix(".svg")]


def column(metric: str) -> Column:
    """A metric by its name in the JSON file. Raises `UserError` if it is none."""
    return VALIDATION if metric == VALIDATION.dotted else column_of(metric)


def _shown(made: Sequence[Row]) -> tuple[Sequence[Row], str, Sequence[Column]]:
    kept, columns = filled(made, SHOWN)
    return kept, FIRST, columns


def _comma_separated(found: Sequence[Experiment], metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """A row an experiment, with every metric."""
    numbers = {each.name: by_tracked_name(metrics[each.name]) for each in found if each.name in metrics}
    names = sorted({name for each in numbers.values() for name in each})
    keys = list(found[0].setting)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["experiment", *keys, "seed", *names])
    for each in found:
        if each.name in numbers:
            values = [numbers[each.name].get(name, "") for name in names]
            writer.writerow([each.name, *each.setting.values(), each.seed, *values])
    return text.getvalue()


def _lines(
    found: Sequence[Experiment], made: Sequence[Row], axes: Sequence[Axis], metric: Column
) -> tuple[str, dict[str, list[tuple[Any, float, float]]]]:
    """The axis across, and for each choice of the others a line: its values there, with mean and deviation.

    Across is the first axis with several values, preferably of numbers.
    """
    varied = [axis for axis in axes if len(axis.values) > 1] or list(axes[:1])
    across = next((axis for axis in varied if all(_is_number(each) for each in axis.values.values())), varied[0])
    by_group = {each.name: each for each in made}
    lines: dict[str, list[tuple[Any, float, float]]] = {}
    for each in {experiment.group: experiment for experiment in found}.values():
        result = by_group.get(each.group)
        if result is None or metric.tracked not in result.means:
            continue
        others = ", ".join(f"{axis.key}={each.setting[axis.key]}" for axis in varied if axis is not across)
        at = value(axes, across.key, each.setting[across.key])
        point = at if _is_number(at) else each.setting[across.key]
        deviation = result.deviations.get(metric.tracked, 0.0)
        lines.setdefault(others, []).append((point, result.means[metric.tracked], deviation))
    return across.key, lines


def _is_number(each: Any) -> bool:
    return isinstance(each, int | float) and not isinstance(each, bool)
