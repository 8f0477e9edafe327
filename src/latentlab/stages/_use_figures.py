"""The pictures of each use of an autoencoder: images found by their codes, freed from noise, told as anomalies.

The numbers in their captions are those that `evaluate` has measured.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from latentlab.figures.examples import SHOWN, shown
from latentlab.figures.images import rows
from latentlab.figures.neighbours import neighbours
from latentlab.figures.roc import roc
from latentlab.metrics.noise import at_levels
from latentlab.metrics.retrieval import nearest
from latentlab.storage.memory import Array

Split = Mapping[str, Array]  # images, and labels if there are any


def retrieval_figure(
    variant: str,
    splits: Mapping[str, Split],
    latents: Mapping[str, Any],
    names: Mapping[str, str],
    measured: Mapping[str, float],
) -> Figure:
    """Ten test images, each with the training images whose codes are nearest, and frames around other classes."""
    train, test = splits["train"], splits["test"]
    queries = shown(dict(test), SHOWN)
    found = nearest(_codes(latents, "train"), _codes(latents, "test")[queries], SHOWN)  # (q, k)
    nearest_ones = f"the {found.shape[1]} of {len(train['images']):,} training images whose codes are nearest"
    lines = [f"{variant}: test images, each with {nearest_ones}"]
    wrong = labels = None
    if "labels" in test:
        wrong = train["labels"][found] != test["labels"][queries, None]
        labels = [names[str(label)] for label in test["labels"][queries]]
        lines += [f"framed: {wrong.sum()} of these {wrong.size} are of another class than the query"]
    if "precision_at_10" in measured:
        lines[-1] += f"; precision at 10 on the test split {measured['precision_at_10']:.3f}"
    return neighbours(test["images"][queries] / 255, train["images"][found] / 255, wrong, labels, "\n".join(lines))


def _codes(latents: Mapping[str, Any], split: str) -> Array:
    """Those of a split (N, D), no copy, as they stand together."""
    rows = np.flatnonzero(latents["split"] == split)
    codes: Array = latents["features"][rows[0] : rows[-1] + 1]
    return codes


def denoising_figure(
    variant: str,
    clean: Split,
    used: Mapping[str, Array],
    levels: tuple[float, ...],
    seed: int,
    measured: Mapping[str, float],
) -> Figure:
    """Ten of the test images that denoising is measured on, `clean`, and with noise of each level before and after."""
    chosen = shown(dict(clean), SHOWN)
    first = clean["images"][: chosen.max() + 1]  # an image's noise is the same whatever images come after it
    strips = {"clean": clean["images"][chosen] / 255}
    for level, noisy in at_levels(first, levels, seed).items():
        before, after = (measured[f"{name}_{level:g}"] for name in ("psnr_noisy", "psnr"))
        strips[f"noise {level:g}\n{before:.1f} dB"] = noisy[chosen]
        strips[f"{level:g} denoised\n{after:.1f} dB"] = used[f"denoised_{level:g}"][chosen]
    title = f"{variant}: test images with noise of several standard deviations, before and after the variant"
    return rows(strips, f"{title}\nPSNR to the clean images in dB, mean of {len(clean['images']):,} test images")


def roc_figure(
    variant: str,
    scores: Mapping[str, Array],
    validation: Array,
    strange: Array,
    measured: Mapping[str, float],
) -> Figure | None:
    """How well test images that are `strange` (N,) are told by each of the `scores` (N,); None if all are or none is.

    `measured` has the AUROC of each in the same order; the threshold is on the first, from `validation` scores (n,).
    """
    from latentlab.metrics import anomaly  # scikit-learn, which pictures of most variants have no use for

    curves = {name: anomaly.roc(each, strange) for name, each in scores.items()}
    names = ("auroc", "elbo_auroc")
    labelled = {
        f"{name}: AUROC {measured[metric]:.3f}": rates
        for metric, (name, rates) in zip(names, curves.items(), strict=False)
        if rates is not None
    }
    if not labelled:
        return None
    marks = {}
    threshold = anomaly.threshold(validation)
    if math.isfinite(threshold):
        rates = anomaly.rates(next(iter(scores.values())), strange, threshold)
        text = f"threshold of {threshold:.4g} nats, as 95 % of {len(validation):,} validation images are not above:\n"
        flagged = (f"{100 * rate:.1f} %" for rate in rates)
        marks[text + "it flags {} of normal and {} of other test images".format(*flagged)] = rates
    title = f"{variant}: {strange.sum():,} of {len(strange):,} test images are of other classes than it has learnt"
    return roc(labelled, marks, title)
