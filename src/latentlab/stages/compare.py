"""Stage `compare`: all variants in one picture, their numbers in another."""

from matplotlib.figure import Figure

from latentlab.config import paths
from latentlab.config.stages import ForCompare
from latentlab.figures.bars import bars
from latentlab.figures.examples import SHOWN, shown
from latentlab.figures.images import rows
from latentlab.pipeline.plan import read_parameters
from latentlab.report import table
from latentlab.stages._command import run
from latentlab.storage.figure import write_figure
from latentlab.storage.npz import read_npz


def main() -> str:
    """Draw `plots/compare/*.png`."""
    p = read_parameters(ForCompare)
    folder = paths.comparison()
    write_figure(folder / "reconstructions.png", same_images(p.study, list(p.variants)))
    write_figure(folder / "metrics.png", main_metrics(p.study, table.read(p.variants)))
    return f"compare: {len(p.variants)} variants in {folder}"


def same_images(study: str, variants: list[str]) -> Figure:
    """The same ten test images through every variant."""
    test = read_npz(paths.prepared("test"))
    chosen = shown(test, SHOWN)
    strips = {"original": test["images"][chosen] / 255}
    for variant in variants:
        decoded = read_npz(paths.decoded(variant))
        if "noisy" in decoded:
            strips[f"{variant} input"] = decoded["noisy"][chosen]
        strips[variant] = decoded["reconstructions"][chosen]
    return rows(strips, f"{study}: the same test images through every variant")


def main_metrics(study: str, metrics: dict[str, table.Metrics]) -> Figure:
    """A bar chart of the metrics that tell most about reconstruction and about latent features."""
    values = {
        f"{column.heading} {column.better}": [each[column.group][column.name] for each in metrics.values()]
        for column in table.COLUMNS
        if column.better and all(column.name in each.get(column.group, {}) for each in metrics.values())
    }
    return bars(list(metrics), values, f"{study}: main metrics on the test split (↑ higher is better, ↓ lower)")


if __name__ == "__main__":
    run(main)
