"""Stage `plot`: every picture of one variant."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from latentlab.config import paths
from latentlab.config.stages import ForPlot
from latentlab.figures.examples import SHOWN, shown
from latentlab.figures.images import codes, grid, rows
from latentlab.figures.losses import losses
from latentlab.figures.scatter import scatter
from latentlab.figures.style import captioned
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.chosen import of_classes
from latentlab.stages._anomaly_scores import anomaly_scores
from latentlab.stages._command import run
from latentlab.stages._use_figures import denoising_figure, retrieval_figure, roc_figure
from latentlab.storage.csv import read_csv
from latentlab.storage.figure import write_figure
from latentlab.storage.json import read_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.storage.svg import write_svg
from latentlab.tables.columns import Column, by_tracked_name, column_of
from latentlab.tables.rows import formatted

METRICS = {  # what each picture is about
    "losses": Column("training", "validation_bce", "validation BCE", ".4f"),
    "reconstructions": column_of("reconstruction.bce"),
    "tsne": column_of("tsne.knn_accuracy"),
    **dict.fromkeys(("codes", "latent"), column_of("latent.knn_accuracy")),
    **dict.fromkeys(("random_codes", "manifold_linear", "manifold_quantile"), column_of("generation.frechet")),
    "retrieval": column_of("retrieval.precision_at_10"),
    "denoising": column_of("denoising.psnr_0.5"),
    "roc": column_of("anomaly.auroc"),
}


def main(variant: str) -> str:
    """Draw `plots/<variant>/*.png`."""
    p = read_parameters(ForPlot, variant)
    limit_threads(p.threads)
    test = read_npz(paths.prepared("test"))
    latents = read_pickle(paths.latents(variant))
    decoded = read_npz(paths.decoded(variant))
    classes = read_json(paths.CLASSES)
    history, summary = read_csv(paths.history(variant)), read_json(paths.training(variant))
    unit = "nats an image" if summary["variational"] else "nats a pixel"
    figures = (
        {"losses": losses(history, unit, summary["best_epoch"], f"{variant}: training")} if summary["epochs"] else {}
    )
    figures |= {
        **image_figures(variant, test, latents, decoded),
        **space_figures(variant, latents, read_pickle(paths.embedding(variant)), decoded, classes),
        **use_figures(p, variant, test, latents, decoded, classes),
    }
    folder = paths.plots(variant)
    metrics = by_tracked_name(read_json(paths.metrics(variant)))
    for name, figure in figures.items():
        captioned(figure, caption(name, len(test["images"]), p.training_seed, metrics))
        write_figure(folder / f"{name}.png", figure)
        write_svg(folder / f"{name}.svg", figure)
    return f"plot {variant}: {len(figures)} pictures in {folder}"


def caption(figure: str, images: int, seed: int, metrics: Mapping[str, float]) -> str:
    """Of how many test images the numbers of a picture are, of which training, and the metric that it is about."""
    parts = [f"seed {seed}"] if figure == "losses" else [f"{images:,} test images", f"seed {seed}"]
    column = METRICS[figure]
    if column.tracked in metrics:
        parts.append(f"{column.heading} {formatted(metrics[column.tracked], column.format)}")
    return ", ".join(parts)


def use_figures(
    p: ForPlot,
    variant: str,
    test: dict[str, Array],
    latents: dict[str, Any],
    decoded: dict[str, Array],
    classes: dict[str, str],
) -> dict[str, Figure]:
    """Images found by their codes; of what gives images back, noise removed; of what has learnt classes, the others."""
    used, metrics = read_npz(paths.uses(variant)), read_json(paths.metrics(variant))
    splits = {"train": read_npz(paths.prepared("train")), "test": test}
    figures = {"retrieval": retrieval_figure(variant, splits, latents, classes, metrics.get("retrieval", {}))}
    if not used:
        return figures
    known = of_classes(test, p.classes, variant)
    few = known[: len(used["quantised_mse"])]
    clean = {name: array[few] for name, array in test.items()}
    figures["denoising"] = denoising_figure(variant, clean, used, p.noise_levels, p.seed, metrics["denoising"])
    if p.classes is not None:
        strange = np.isin(np.arange(len(test["images"])), known, invert=True)
        scores = anomaly_scores(test["images"], decoded)
        found = roc_figure(variant, scores, used["validation_bce"], strange, metrics["anomaly"])
        figures |= {"roc": found} if found else {}
    return figures


def image_figures(
    variant: str, test: dict[str, Array], latents: dict[str, Any], decoded: dict[str, Array]
) -> dict[str, Figure]:
    """Codes as images; originals with reconstructions and images from random codes, if there are any."""
    chosen = shown(test, SHOWN)
    images = test["images"][chosen] / 255
    features = latents["features"][latents["split"] == "test"][chosen]
    figures = {"codes": codes(images, features, latents["latent_shape"], f"{variant}: latent features")}
    if "reconstructions" not in decoded:
        return figures
    strips = {"original": images}
    if "noisy" in decoded:
        strips["noisy"] = decoded["noisy"][chosen]
    strips["reconstruction"] = decoded["reconstructions"][chosen]
    random = decoded["random"][:100]  # (100, H, W, C)
    return figures | {
        "reconstructions": rows(strips, f"{variant}: test images"),
        "random_codes": grid(random.reshape(10, 10, *random.shape[1:]), f"{variant}: images from random codes"),
    }


def space_figures(
    variant: str,
    latents: dict[str, Any],
    embedded: dict[str, Any],
    decoded: dict[str, Array],
    classes: dict[str, str],
) -> dict[str, Figure]:
    """The t-SNE embedding; for codes of two dimensions also the codes themselves and the manifold."""
    divergence = f"KL divergence {embedded['kl_divergence']:.2f}"
    placed = f"{len(embedded['embedding'])} {'test ' if (embedded['split'] == 'test').all() else ''}images"
    title = f"{variant}: t-SNE of {placed}, {divergence}"
    if not np.ptp(embedded["features"], axis=0).any():
        title = f"{variant}: the codes of all {placed} are the same"
    names = "t-SNE 1", "t-SNE 2"
    figures = {"tsne": scatter(embedded["embedding"], _named(embedded["labels"], classes), title, *names)}
    if "linear_grid" not in decoded:
        return figures
    test = latents["split"] == "test"
    names = "first latent dimension", "second latent dimension"
    title = f"{variant}: latent features of the test images"
    labels = None if latents["labels"] is None else latents["labels"][test]
    figures["latent"] = scatter(latents["features"][test], _named(labels, classes), title, *names)
    for name, spacing in {"linear": "equidistant codes", "quantile": "codes of equal probability"}.items():
        images = decoded[f"{name}_grid"]
        title = f"{variant}: manifold, {len(images)}x{len(images)} {spacing}"
        figures[f"manifold_{name}"] = grid(images, title, decoded[f"{name}_axes"])
    return figures


def _named(labels: Array | None, classes: dict[str, str]) -> dict[str, Array] | None:
    """Rows of each class by its name, in the order of the classes."""
    if labels is None:
        return None
    return {name: rows for number, name in classes.items() if len(rows := np.flatnonzero(labels == int(number)))}


if __name__ == "__main__":
    run(main)
