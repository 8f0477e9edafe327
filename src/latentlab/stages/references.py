"""Stage `references`: what has no code but belongs beside the variants, measured as they are.

The mean training image, noisy images as they are and behind a median filter, PNG and JPEG, two detectors of anomalies.
"""

from collections.abc import Mapping
from statistics import fmean

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import ForReferences
from latentlab.metrics import anomaly, compression, denoising, detectors, reconstruction
from latentlab.metrics.noise import at_levels
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.chosen import of_classes
from latentlab.stages._command import run
from latentlab.storage.json import write_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz

SIZES = (3, 5)  # of the median filter's window
QUALITY = 75  # of JPEG, which is Pillow's own choice
Blocks = dict[str, dict[str, float]]


def main() -> str:
    """Write `metrics/references.json`: blocks as those of a variant, by the name of the reference."""
    p = read_parameters(ForReferences)
    limit_threads(p.threads)
    splits = {split: read_npz(paths.prepared(split)) for split in paths.SPLITS}
    train, validation, test = (splits[split]["images"] for split in paths.SPLITS)
    few = test[: p.uses_images]
    found = {"mean_image": {"reconstruction": mean_image(train, test)}}
    found |= denoised(validation[: p.uses_images], few, p.noise_levels, p.seed)
    found |= files(few)
    found |= detected(splits, p.classes, p.seed)
    write_json(paths.REFERENCES, found)
    return f"references: {', '.join(found)}"


def mean_image(train: Array, test: Array) -> dict[str, float]:
    """How well the mean of the training images (N, H, W, C) stands for each test image (n, H, W, C)."""
    mean = np.broadcast_to(train.mean(axis=0) / 255, test.shape)  # (n, H, W, C)
    return {"bce": reconstruction.bce(test, mean), "mse": reconstruction.mse(test, mean)}


def denoised(validation: Array, test: Array, levels: tuple[float, ...], seed: int) -> dict[str, Blocks]:
    """Test images with noise of each level as they are, and through a median filter.

    The size of its window is the one that does better on validation images with noise of that level.
    """
    noisy: dict[str, float] = {}
    median: dict[str, float] = {}
    tried = at_levels(validation, levels, seed)
    for level, images in at_levels(test, levels, seed).items():
        size = max(SIZES, key=lambda size: reconstruction.psnr(validation, denoising.median_filter(tried[level], size)))
        both = denoising.before_and_after(test, images, denoising.median_filter(images, size))
        noisy |= {f"{name}_{level:g}": both[f"{name}_noisy"] for name in ("psnr", "ssim")}
        median |= {f"{name}_{level:g}": both[name] for name in ("psnr", "ssim")} | {f"size_{level:g}": size}
    return {"noisy": {"denoising": noisy}, "median": {"denoising": median}}


def files(images: Array) -> dict[str, Blocks]:
    """Images (n, H, W, C) as PNG files and as JPEG files of one quality; nothing for neither grey nor colour."""
    if images.shape[-1] not in (1, 3):
        return {}
    bits, mse = compression.jpeg_curve(images, [QUALITY])
    return {
        "png": {"compression": {"bits": compression.png_bits(images), "mse": 0.0}},
        "jpeg": {"compression": {"bits": float(bits[0]), "mse": float(mse[0])}},
    }


def detected(
    splits: Mapping[str, Mapping[str, Array]], classes: Mapping[str, tuple[int | str, ...]], seed: int
) -> dict[str, Blocks]:
    """Images of other classes found by detectors that learnt from some: for each choice of classes, and the mean.

    `classes` are those of a variant by its name. None without.
    """
    names = {variant: "+".join(map(str, chosen)) for variant, chosen in classes.items()}
    found: dict[str, Blocks] = {}
    for name, scores_of in detectors.DETECTORS.items():
        block: dict[str, dict[str, float]] = {"auroc": {}, "average_precision": {}}
        for variant, chosen in classes.items():
            rows = of_classes(splits["train"], chosen, variant)
            strange = np.ones(len(splits["test"]["images"]), bool)
            strange[of_classes(splits["test"], chosen, variant)] = False
            scores = scores_of(splits["train"]["images"][rows], splits["test"]["images"], seed)
            for kind, measure in (("auroc", anomaly.auroc), ("average_precision", anomaly.average_precision)):
                if (value := measure(scores, strange)) is not None:
                    block[kind][names[variant]] = value
        if block["auroc"]:
            means = {kind: fmean(values.values()) for kind, values in block.items()}
            found[name] = {"anomaly": means, "auroc_by_classes": block["auroc"]}
    return found


if __name__ == "__main__":
    run(main)
