"""Stage `evaluate`: the numbers of one variant, all from arrays."""

from typing import Any

import numpy as np

from latentlab.config import paths
from latentlab.config.params import Evaluate, check_neighbours
from latentlab.config.stages import ForEvaluate
from latentlab.metrics import embedding, latent, reconstruction, variational
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.json import read_json, write_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle


def main(variant: str) -> str:
    """Write `metrics/<variant>.json`."""
    p = read_parameters(ForEvaluate, variant)
    limit_threads(p.threads)
    latents = read_pickle(paths.latents(variant))
    decoded = read_npz(paths.decoded(variant))
    images = read_npz(paths.prepared("test"))["images"]
    mean_image = read_npz(paths.prepared("train"))["images"].mean(axis=0) / 255
    embedded = read_pickle(paths.embedding(variant))
    points = min(len(embedded["embedding"]), p.evaluate.test_images)
    check_neighbours(p.evaluate.neighbours, points, "that t-SNE has placed")
    metrics = {
        "reconstruction": reconstruction_metrics(
            images, decoded["reconstructions"], mean_image, p.evaluate.test_images
        ),
        "latent": latent_metrics(latents, p.evaluate),
        "tsne": tsne_metrics(embedded, p.evaluate),
        "training": training_metrics(read_json(paths.training(variant))),
    }
    if "sampled" in decoded:
        metrics["vae"] = variational.evidence(images, decoded["sampled"], decoded["z_mean"], decoded["z_log_var"])
    write_json(paths.metrics(variant), metrics)
    accuracy = metrics["latent"].get("knn_accuracy")
    labelled = "" if accuracy is None else f", k-NN accuracy {accuracy:.3f}"
    return f"evaluate {variant}: test BCE {metrics['reconstruction']['bce']:.4f}{labelled}"


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
    train, test = (np.flatnonzero(latents["split"] == split) for split in ("train", "test"))
    features, labels = latents["features"], latents["labels"]
    metrics = {
        "dim": features.shape[1],
        "mean_activation": latent.mean_activation(features[test]),
        "sparsity": latent.sparsity(features[test]),
        "active_units": latent.active_units(features[test]),
    }
    if labels is None:
        return metrics
    train, test = train[: settings.train_images], test[: settings.test_images]  # random samples
    halves = features[train], labels[train], features[test], labels[test]
    return metrics | {
        "knn_accuracy": latent.knn_accuracy(*halves, settings.neighbours),
        "linear_probe_accuracy": latent.linear_probe_accuracy(*halves),
    }


def tsne_metrics(embedded: dict[str, Any], settings: Evaluate) -> dict[str, float]:
    """The embedding; its trustworthiness among the first `test_images` points, as its memory is their square."""
    neighbours, few = settings.neighbours, slice(settings.test_images)
    features, places = embedded["features"][few], embedded["embedding"][few]
    metrics = {
        "kl_divergence": embedded["kl_divergence"],
        "trustworthiness": embedding.trustworthiness(features, places, neighbours),
    }
    if embedded["labels"] is None:
        return metrics
    return metrics | {"knn_accuracy": embedding.knn_accuracy(embedded["embedding"], embedded["labels"], neighbours)}


def training_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """What the training stage recorded, with the two models' parameters added up."""
    kept = ("epochs", "best_epoch", "loss", "validation_loss", "validation_bce", "numerics")
    return {"parameters": summary["parameters"]["total"], **{key: summary[key] for key in kept}}


if __name__ == "__main__":
    run(main)
