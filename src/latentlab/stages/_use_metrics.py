"""The numbers of each use of an autoencoder, from what `extract` had the networks compute."""

import math

from latentlab.metrics import anomaly, denoising, retrieval, variational
from latentlab.metrics.compression import bits_at, jpeg_curve
from latentlab.metrics.generation import copying, frechet_distance, prdc
from latentlab.metrics.noise import at_levels
from latentlab.metrics.quantisation import bits
from latentlab.stages._anomaly_scores import ELBO, ERROR, anomaly_scores
from latentlab.storage.memory import Array

Numbers = dict[str, float]
AS_JPEG, QUALITIES = 200, range(1, 101, 3)  # images, and the quality that they are tried at
QUERIES = 1000  # test images that retrieval asks for
DIMENSIONS = 64  # of a code whose parts are listed


def denoising_metrics(images: Array, used: dict[str, Array], levels: tuple[float, ...], seed: int) -> Numbers:
    """PSNR in decibels and SSIM of images (n, H, W, C) with noise of each level, before and after."""
    metrics: Numbers = {}
    for level, noisy in at_levels(images, levels, seed).items():
        found = denoising.before_and_after(images, noisy, used[f"denoised_{level:g}"])
        metrics |= {f"{name}_{level:g}": value for name, value in found.items()}
    return metrics


def compression_metrics(features: Array, used: dict[str, Array], images: Array) -> Numbers:
    """Bits an image of codes (N, D) of 8 bits an entry, and the mean squared error a pixel that they leave.

    `jpeg_bits` are those of JPEG files with the same error, of the first of the `images` (n, H, W, C) that it is of.
    There are none where no quality has that error, and for images that are neither grey nor in colour.
    """
    errors = used["quantised_mse"]  # (n,)
    metrics = {"bits": bits(features.shape), "mse": float(errors.mean())}
    if images.shape[-1] not in (1, 3):
        return metrics
    curve = jpeg_curve(images[:AS_JPEG], QUALITIES)
    return metrics | there({"jpeg_bits": bits_at(float(errors[:AS_JPEG].mean()), curve)})


def anomaly_metrics(images: Array, decoded: dict[str, Array], used: dict[str, Array], strange: Array) -> Numbers:
    """How well images (N, H, W, C) of other classes, `strange` (N,) bool, are told by their reconstruction error.

    The threshold is one that 95 % of the validation images, all of the known classes, do not exceed. A variational
    autoencoder's negative ELBO, with one draw, is another score.
    """
    found = anomaly_scores(images, decoded)
    scores = found[ERROR]
    metrics = {"auroc": anomaly.auroc(scores, strange), "average_precision": anomaly.average_precision(scores, strange)}
    threshold = anomaly.threshold(used["validation_bce"])
    if math.isfinite(threshold):
        metrics |= anomaly.at_threshold(scores, strange, threshold)
    if ELBO in found:
        metrics["elbo_auroc"] = anomaly.auroc(found[ELBO], strange)
    return there(metrics)


def retrieval_metrics(train: Array, train_labels: Array, test: Array, test_labels: Array) -> Numbers:
    """Whether the training images with the nearest codes are of a test image's class; a sample of these asks.

    Codes are (N, D) and (n, D).
    """
    precision = retrieval.precision_at(train, train_labels, test[:QUERIES], test_labels[:QUERIES])
    mean = retrieval.mean_average_precision(train, train_labels, test, test_labels, QUERIES)
    return there({"precision_at_10": precision, "mean_average_precision": mean})


def divergence_metrics(z_mean: Array, z_log_var: Array) -> Numbers:
    """KL divergence from the prior of each dimension of the code, `kl_1` and so on, in nats an image; of 64 at most."""
    parts = variational.kl_by_dimension(z_mean, z_log_var)
    return {f"kl_{number}": float(part) for number, part in enumerate(parts, 1)} if len(parts) <= DIMENSIONS else {}


def likelihood_metrics(used: dict[str, Array]) -> Numbers:
    """Importance-weighted bounds of the log-likelihood, in nats an image."""
    return {
        f"iwae_{count}": variational.importance_weighted(used[f"log_weights_{count}"])
        for count in (variational.DRAWS, variational.MOST_DRAWS)
    }


def generation_metrics(train: Array, test: Array, decoded: dict[str, Array]) -> Numbers:
    """Whether images from random codes are copies of training images, by root mean squared differences of pixels."""
    random = decoded["random"]
    return there(copying(train, test[: len(random)], random))


def likeness_metrics(real: Array, generated: Array) -> Numbers:
    """How like test images those from random codes are, by features (N, 64) and (n, 64) of the classifier.

    As many of both, the first ones, which are a random sample.
    """
    count = min(len(real), len(generated))
    real, generated = real[:count], generated[:count]
    return {"frechet": frechet_distance(real, generated), **prdc(real, generated)}


def there(metrics: dict[str, float | None]) -> Numbers:
    """Without what has no value."""
    return {name: value for name, value in metrics.items() if value is not None}
