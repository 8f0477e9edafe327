"""Stage `compare`: all variants in one picture, their numbers in another."""

from matplotlib.figure import Figure

from latentlab import params, paths, results, stage
from latentlab.artifacts import read_npz, write_figure
from latentlab.examples import one_of_each_class
from latentlab.figures.bars import bars
from latentlab.figures.images import rows

SHOWN = 10


def main() -> str:
    """Draw `plots/<study>/compare/*.png`."""
    p = params.load()
    folder = paths.comparison(p.study)
    write_figure(folder / "reconstructions.png", same_images(p.study, list(p.variants)))
    write_figure(folder / "metrics.png", main_metrics(p.study, results.read(p.study, p.variants)))
    return f"compare: {len(p.variants)} variants in {folder}"


def same_images(study: str, variants: list[str]) -> Figure:
    """The same ten test images through every variant."""
    test = read_npz(paths.prepared("test"))
    shown = one_of_each_class(test["labels"], SHOWN)
    strips = {"original": test["images"][shown] / 255}
    for variant in variants:
        decoded = read_npz(paths.decoded(variant))
        if "noisy" in decoded:
            strips[f"{variant} input"] = decoded["noisy"][shown]
        strips[variant] = decoded["reconstructions"][shown]
    return rows(strips, f"{study}: the same test images through every variant")


def main_metrics(study: str, metrics: dict[str, results.Metrics]) -> Figure:
    """A bar chart of the metrics that tell most about reconstruction and about latent features."""
    columns = [column for column in results.COLUMNS if column.better and column.group != "vae"]
    values = {
        f"{column.heading} {column.better}": [metrics[variant][column.group][column.name] for variant in metrics]
        for column in columns
    }
    return bars(list(metrics), values, f"{study}: main metrics on the test split (↑ higher is better, ↓ lower)")


if __name__ == "__main__":
    stage.run(main)
