"""Stage `compare`: all variants in one picture, their numbers in another and in tables."""

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from latentlab.config import paths
from latentlab.config.stages import ForCompare
from latentlab.figures.bars import bars
from latentlab.figures.denoising import denoising
from latentlab.figures.examples import SHOWN, shown
from latentlab.figures.images import rows
from latentlab.figures.style import captioned
from latentlab.pipeline.inputs import planned
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.figure import write_figure
from latentlab.storage.json import read_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.replacing import replacing
from latentlab.storage.svg import write_svg
from latentlab.tables import table
from latentlab.tables.beside import beside
from latentlab.tables.columns import COLUMNS, Column
from latentlab.tables.page import numerical_classes, page
from latentlab.tables.rows import Row


def main() -> str:
    """Draw `plots/compare/*.png` and write `results.md`."""
    p = read_parameters(ForCompare)
    every = [name for names in p.variants.values() for name in names]
    metrics = table.read(every)
    results = table.rows(metrics, p.variants)
    test = read_npz(paths.prepared("test"))
    figures = {
        "reconstructions": same_images(p.study, list(p.variants), test),
        "metrics": main_metrics(p.study, results),
        "denoising": noise_removed(p, results, read_json(paths.REFERENCES), len(test["images"])),
    }
    folder = paths.comparison()
    several = max(len(names) for names in p.variants.values())
    seeds = f"seed {p.seed}" if several == 1 else f"up to {several} seeds: means and deviations, images of the first"
    for name, figure in figures.items():
        if figure:
            captioned(figure, f"{len(test['images']):,} test images, {seeds}")
            write_svg(folder / f"{name}.svg", figure)
            write_figure(folder / f"{name}.png", figure)
    references = table.references()
    cells = beside(p.published or (), metrics, p.variants, references)
    keys = {variant: planned(variant).key for variant in every}
    with replacing(paths.TABLES) as temporary:
        temporary.write_text(page(p.study, [*results, *references], cells, keys, numerical_classes(metrics)))
    return f"compare: {len(p.variants)} variants in {folder} and {paths.TABLES}"


def same_images(study: str, variants: list[str], test: dict[str, Array]) -> Figure:
    """The same ten test images through every variant that reconstructs them; of several seeds through the first."""
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


def noise_removed(p: ForCompare, rows: list[Row], references: Mapping[str, Any], images: int) -> Figure | None:
    """PSNR over the level of the noise, of variants and of the median filter among the `references`.

    None where no variant removes noise. `images` are all of the test split.
    """
    after, before = ([f"denoising/{name}_{level:g}" for level in p.noise_levels] for name in ("psnr", "psnr_noisy"))
    lines = {row.name: (_means(row, after), [row.deviations.get(name, 0.0) for name in after]) for row in rows}
    noisy = {row.name: _means(row, before) for row in rows}
    if all(math.isnan(value) for values, _ in lines.values() for value in values):
        return None
    median = references["median"]["denoising"]
    others = {"median filter": [median[f"psnr_{level:g}"] for level in p.noise_levels]}
    title = (
        f"{p.study}: noise removed from up to {min(p.uses_images, images):,} test images\nmean PSNR to the clean ones"
    )
    return denoising(p.noise_levels, lines, noisy, others, f"{title} (higher is better)")


def _means(row: Row, names: list[str]) -> list[float]:
    """NaN where a variant has none."""
    return [row.means.get(name, math.nan) for name in names]


def _values(rows: list[Row], column: Column) -> tuple[list[float], list[float]]:
    """Means, NaN where a variant has none, and deviations, 0 where there is none."""
    name = column.tracked
    return [row.means.get(name, math.nan) for row in rows], [row.deviations.get(name, 0.0) for row in rows]


if __name__ == "__main__":
    run(main)
