"""Stage `compare`: all variants in one picture, their numbers in another."""

import math

from matplotlib.figure import Figure

from latentlab.config import paths
from latentlab.config.stages import ForCompare
from latentlab.figures.bars import bars
from latentlab.figures.examples import SHOWN, shown
from latentlab.figures.images import rows
from latentlab.pipeline.plan import read_parameters
from latentlab.report import table
from latentlab.report.columns import COLUMNS, Column
from latentlab.report.rows import Row
from latentlab.stages._command import run
from latentlab.storage.figure import write_figure
from latentlab.storage.npz import read_npz


def main() -> str:
    """Draw `plots/compare/*.png`."""
    p = read_parameters(ForCompare)
    folder = paths.comparison()
    every = [name for names in p.variants.values() for name in names]
    write_figure(folder / "reconstructions.png", same_images(p.study, list(p.variants)))
    write_figure(folder / "metrics.png", main_metrics(p.study, table.rows(table.read(every), p.variants)))
    return f"compare: {len(p.variants)} variants in {folder}"


def same_images(study: str, variants: list[str]) -> Figure:
    """The same ten test images through every variant that reconstructs them; of several seeds through the first."""
    test = read_npz(paths.prepared("test"))
    chosen = shown(test, SHOWN)
    strips = {"original": test["images"][chosen] / 255}
    for variant in variants:
        decoded = read_npz(paths.decoded(variant))
        if "reconstructions" not in decoded:
            continue
        if "noisy" in decoded:
            strips[f"{variant} input"] = decoded["noisy"][chosen]
        strips[variant] = decoded["reconstructions"][chosen]
    return rows(strips, f"{study}: the same test images through every variant")


def main_metrics(study: str, rows: list[Row]) -> Figure:
    """A bar chart of the metrics that tell most about reconstruction and about latent features."""
    panels = {
        f"{column.heading} {column.better}": _values(rows, column)
        for column in COLUMNS
        if column.better and sum(column.tracked in row.means for row in rows) > len(rows) / 2
    }
    title = f"{study}: main metrics on the test split (↑ higher is better, ↓ lower)"
    return bars([row.name for row in rows], panels, title)


def _values(rows: list[Row], column: Column) -> tuple[list[float], list[float]]:
    """Means, NaN where a variant has none, and deviations, 0 where there is none."""
    name = column.tracked
    return [row.means.get(name, math.nan) for row in rows], [row.deviations.get(name, 0.0) for row in rows]


if __name__ == "__main__":
    run(main)
