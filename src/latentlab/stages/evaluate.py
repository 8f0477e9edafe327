"""Stage `evaluate`: the numbers of one variant, all from arrays."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from latentlab.config import paths
from latentlab.config.params import Evaluate, check_neighbours
from latentlab.config.stages import ForEvaluate
from latentlab.metrics import embedding, latent, reconstruction, variational
from latentlab.metrics.similarity import ssim
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.chosen import of_classes
from latentlab.stages._command import run
from latentlab.stages._use_metrics import (
    anomaly_metrics,
    compression_metrics,
    denoising_metrics,
    divergence_metrics,
    generation_metrics,
    likelihood_metrics,
    likeness_metrics,
    retrieval_metrics,
    there,
)
from latentlab.storage.json import read_json, write_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle

OF_TEST = ("reconstructions", "sampled", "z_mean", "z_log_var")  # decoded arrays with a row a test image
SILHOUETTE = 5000  # test images, as its time is their square


def main(variant: str) -> str:
    """Write `metrics/<variant>.json`."""
    p = read_parameters(ForEvaluate, variant)
    limit_threads(p.threads)
    latents = read_pickle(paths.latents(variant))
    embedded = read_pickle(paths.embedding(variant))
    points = min(len(embedded["embedding"]), p.evaluate.test_images)
    check_neighbours(p.evaluate.neighbours, points, "that t-SNE has placed")
    metrics = image_metrics(p, variant, latents["features"])
    metrics |= {
        "latent": latent_metrics(latents, p.evaluate),
        "tsne": tsne_metrics(embedded, p.evaluate),
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


def image_metrics(p: ForEvaluate, variant: str, features: Array) -> dict[str, Any]:
    """What needs reconstructions, of test images of the classes that the variant has learnt; none without them."""
    decoded, used = read_npz(paths.decoded(variant)), read_npz(paths.uses(variant))
    if not decoded:
        return {}
    splits = {split: read_npz(paths.prepared(split)) for split in ("train", "test")}
    known = {split: of_classes(arrays, p.classes, variant) for split, arrays in splits.items()}
    train, test = (splits[split]["images"][rows] for split, rows in known.items())
    ours = {name: decoded[name][known["test"]] for name in OF_TEST if name in decoded}
    few = test[: len(used["quantised_mse"])]
    metrics: dict[str, Any] = {
        "reconstruction": reconstruction_metrics(test, ours["reconstructions"], train, p.evaluate.test_images),
        "denoising": denoising_metrics(few, used, p.noise_levels, p.seed),
        "compression": compression_metrics(features, used, few),
        "generation": generation_metrics(train, test, decoded),
    }
    if "random_features" in used:
        real = read_npz(paths.CLASSIFIED)["features"][known["test"]]
        metrics["generation"] |= likeness_metrics(real, used["random_features"])
    if "sampled" in ours:
        drawn = (ours[name] for name in OF_TEST[1:])
        divergences = divergence_metrics(ours["z_mean"], ours["z_log_var"])
        metrics["vae"] = variational.evidence(test, *drawn) | divergences | likelihood_metrics(used)
    if p.classes is not None:
        strange = np.ones(len(splits["test"]["images"]), bool)
        strange[known["test"]] = False
        metrics["anomaly"] = anomaly_metrics(splits["test"]["images"], decoded, used, strange)
    return metrics


def reconstruction_metrics(images: Array, reconstructions: Array, train: Array, sample: int) -> dict[str, float]:
    """Per pixel, on the test split; SSIM on the first `sample` images, as the split is in random order.

    `mean_image_bce` is what predicting the mean training image would give.
    """
    mean_image = train.mean(axis=0) / 255  # (H, W, C)
    return {
        "bce": reconstruction.bce(images, reconstructions),
        "mse": reconstruction.mse(images, reconstructions),
        "psnr": reconstruction.psnr(images, reconstructions),
        "ssim": ssim(images[:sample], reconstructions[:sample]),
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
    learning = halves(latents, settings)
    return metrics | {
        "knn_accuracy": latent.knn_accuracy(*learning, settings.neighbours),
        "linear_probe_accuracy": latent.linear_probe_accuracy(*learning),
        **there({"silhouette": latent.silhouette(features[test], labels[test], SILHOUETTE)}),
    }


def halves(latents: dict[str, Any], settings: Evaluate) -> tuple[Array, Array, Array, Array]:
    """Train features (N, D) and labels (N,), test features (n, D) and labels (n,), of random samples."""
    features, labels = latents["features"], latents["labels"]
    train, test = (np.flatnonzero(latents["split"] == split) for split in ("train", "test"))
    train, test = train[: settings.train_images], test[: settings.test_images]
    return features[train], labels[train], features[test], labels[test]


def tsne_metrics(embedded: dict[str, Any], settings: Evaluate) -> dict[str, float]:
    """The embedding; what needs all pairs of points is of the first `test_images`, as its time is their square."""
    neighbours, few = settings.neighbours, slice(settings.test_images)
    features, places = embedded["features"][few], embedded["embedding"][few]
    metrics = {
        "kl_divergence": embedded["kl_divergence"],
        "trustworthiness": embedding.trustworthiness(features, places, neighbours),
        "continuity": embedding.continuity(features, places, neighbours),
    }
    if embedded["labels"] is None:
        return metrics
    return metrics | {
        "knn_accuracy": embedding.knn_accuracy(embedded["embedding"], embedded["labels"], neighbours),
        "neighbourhood_hit": embedding.neighbourhood_hit(places, embedded["labels"][few], neighbours),
    }


def training_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """What the training stage recorded, with the two models' parameters added up."""
    kept = ("epochs", "best_epoch", "loss", "validation_loss", "validation_bce", "numerics")
    there = {key: summary[key] for key in kept if key in summary}  # no losses without weights
    return {"parameters": summary["parameters"]["total"], **there}


if __name__ == "__main__":
    run(main)
