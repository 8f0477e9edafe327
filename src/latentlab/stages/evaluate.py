"""Stage `evaluate`: the numbers of one variant, all from arrays."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from latentlab.config import paths
from latentlab.config.params import Evaluate, check_neighbours
from latentlab.config.stages import ForEvaluate
from latentlab.metrics import embedding, latent, reconstruction, retrieval, variational
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.chosen import of_classes
from latentlab.stages._command import run
from latentlab.storage.json import read_json, write_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle

SILHOUETTE = 5000  # test images, as its time is their square
QUERIES = 1000  # test images that retrieval asks for


def main(variant: str) -> str:
    """Write `metrics/<variant>.json`."""
    p = read_parameters(ForEvaluate, variant)
    limit_threads(p.threads)
    latents = read_pickle(paths.latents(variant))
    decoded = read_npz(paths.decoded(variant))
    splits = {split: read_npz(paths.prepared(split)) for split in ("train", "test")}
    learned = {split: of_classes(arrays, p.classes, variant) for split, arrays in splits.items()}
    embedded = read_pickle(paths.embedding(variant))
    check_neighbours(p.evaluate.neighbours, len(embedded["embedding"]), "that t-SNE has placed")
    metrics = image_metrics(splits, decoded, learned, p.evaluate.test_images)
    metrics |= {
        "latent": latent_metrics(latents, p.evaluate),
        "tsne": tsne_metrics(embedded, p.evaluate.neighbours),
        "training": training_metrics(read_json(paths.training(variant))),
    }
    if latents["labels"] is not None:
        metrics["retrieval"] = retrieval_metrics(*halves(latents, p.evaluate))
    write_json(paths.metrics(variant), metrics)
    return f"evaluate {variant}: {', '.join(main_ones(metrics)) or 'done'}"


def main_ones(metrics: dict[str, Any]) -> Iterator[str]:
    """What the stage says."""
    if "reconstruction" in metrics:
        yield f"test BCE {metrics['reconstruction']['bce']:.4f}"
    if "knn_accuracy" in metrics["latent"]:
        yield f"k-NN accuracy {metrics['latent']['knn_accuracy']:.3f}"


def image_metrics(
    splits: dict[str, dict[str, Array]], decoded: dict[str, Array], learned: dict[str, Array], sample: int
) -> dict[str, Any]:
    """What needs reconstructions, of test images of the classes that the variant has `learned`; none without them."""
    if "reconstructions" not in decoded:
        return {}
    mean_image = splits["train"]["images"][learned["train"]].mean(axis=0) / 255  # (H, W, C)
    rows = learned["test"]
    images, reconstructions = splits["test"]["images"][rows], decoded["reconstructions"][rows]
    metrics: dict[str, Any] = {"reconstruction": reconstruction_metrics(images, reconstructions, mean_image, sample)}
    if "sampled" in decoded:
        drawn = (decoded[name][rows] for name in ("sampled", "z_mean", "z_log_var"))
        metrics["vae"] = variational.evidence(images, *drawn)
    return metrics


def reconstruction_metrics(images: Array, reconstructions: Array, mean_image: Array, sample: int) -> dict[str, float]:
    """Per pixel, on the test split; SSIM on the first `sample` images, as the split is in random order.

    `mean_image_bce` is what predicting the mean training image would give.
    """
    return {
        "bce": reconstruction.bce(images, reconstructions),
        "mse": reconstruction.mse(images, reconstructions),
        "psnr": reconstruction.psnr(images, reconstructions),
        "ssim": reconstruction.ssim(images[:sample], reconstructions[:sample]),
        "mean_image_bce": reconstruction.bce(images, np.broadcast_to(mean_image, images.shape)),
    }


def latent_metrics(latents: dict[str, Any], settings: Evaluate) -> dict[str, float]:
    """The test features, and what classifiers that learned on the training features make of them, given labels."""
    features, labels = latents["features"], latents["labels"]
    test = np.flatnonzero(latents["split"] == "test")
    metrics = {
        "dim": features.shape[1],
        "mean_activation": latent.mean_activation(features[test]),
        "sparsity": latent.sparsity(features[test]),
        "active_units": latent.active_units(features[test]),
    }
    if labels is None:
        return metrics
    known = halves(latents, settings)
    metrics["knn_accuracy"] = latent.knn_accuracy(*known, settings.neighbours)
    metrics["linear_probe_accuracy"] = latent.linear_probe_accuracy(*known)
    return metrics | there({"silhouette": latent.silhouette(features[test], labels[test], SILHOUETTE)})


def halves(latents: dict[str, Any], settings: Evaluate) -> tuple[Array, Array, Array, Array]:
    """Train features (N, D) and labels (N,), test features (n, D) and labels (n,), of random samples."""
    features, labels = latents["features"], latents["labels"]
    train, test = (np.flatnonzero(latents["split"] == split) for split in ("train", "test"))
    train, test = train[: settings.train_images], test[: settings.test_images]
    return features[train], labels[train], features[test], labels[test]


def retrieval_metrics(train: Array, train_labels: Array, test: Array, test_labels: Array) -> dict[str, float]:
    """Whether the training images with the nearest codes are of a test image's class; a sample of these asks."""
    precision = retrieval.precision_at(train, train_labels, test[:QUERIES], test_labels[:QUERIES])
    mean = retrieval.mean_average_precision(train, train_labels, test, test_labels, QUERIES)
    return there({"precision_at_10": precision, "mean_average_precision": mean})


def there(metrics: dict[str, float | None]) -> dict[str, float]:
    """Without what has no value."""
    return {name: value for name, value in metrics.items() if value is not None}


def tsne_metrics(embedded: dict[str, Any], neighbours: int) -> dict[str, float]:
    """The embedding of the test features."""
    metrics = {
        "kl_divergence": embedded["kl_divergence"],
        "trustworthiness": embedding.trustworthiness(embedded["features"], embedded["embedding"], neighbours),
        "continuity": embedding.continuity(embedded["features"], embedded["embedding"], neighbours),
    }
    if embedded["labels"] is None:
        return metrics
    places = embedded["embedding"], embedded["labels"], neighbours
    return metrics | {
        "knn_accuracy": embedding.knn_accuracy(*places),
        "neighbourhood_hit": embedding.neighbourhood_hit(*places),
    }


def training_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """What the training stage recorded, with the two models' parameters added up."""
    kept = ("epochs", "best_epoch", "loss", "validation_loss", "validation_bce", "numerics")
    there = {key: summary[key] for key in kept if key in summary}  # no losses without weights
    return {"parameters": summary["parameters"]["total"], **there}


if __name__ == "__main__":
    run(main)
