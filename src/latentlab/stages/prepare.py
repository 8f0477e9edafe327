"""Stage `prepare`: load a dataset and split it, stratified, into train, validation and test."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

from latentlab.config import paths, plugins
from latentlab.config.params import Prepare, check_neighbours, check_perplexity
from latentlab.config.stages import ForEvaluate, ForPrepare, ForTrack, ForTsne
from latentlab.errors import UserError
from latentlab.figures.examples import SHOWN
from latentlab.figures.images import rows
from latentlab.pipeline.plan import read_parameters
from latentlab.pipeline.used import NOTE, hashes_of
from latentlab.sources.dataset import Classes, Dataset, checked, classes, sha256
from latentlab.stages._command import run
from latentlab.storage.figure import write_figure
from latentlab.storage.json import write_json
from latentlab.storage.memory import Array, chunks
from latentlab.storage.npz import write_npz

SHOWN_CLASSES = 30


def main() -> str:
    """Write one file a split, a card and classes' names, a sheet with ten images a class, and what was read."""
    p = read_parameters(ForPrepare)
    used = hashes_of(paths.RAW)
    dataset = load(p.prepare)
    coded = None if dataset.labels is None else classes(dataset.labels, dataset.found)
    labels = None if coded is None else coded.labels
    parts = split(len(dataset.images), labels, dataset.official_test, p.prepare, p.seed)
    check_later_stages({name: len(index) for name, index in parts.items()})
    about = card(p.prepare.dataset, dataset, coded, parts)
    sheet = contact_sheet(p.prepare.dataset, dataset.images, coded, parts["train"])
    for name, index in parts.items():
        arrays = {"images": dataset.images[index], "index": index}
        write_npz(paths.prepared(name), arrays | ({} if labels is None else {"labels": labels[index]}))
    write_json(paths.CARD, about)
    write_json(paths.CLASSES, about.get("classes", {}))
    write_json(paths.RAW_USED, {NOTE: used})
    write_figure(paths.contact_sheet(), sheet)
    sizes = ", ".join(f"{name} {len(index)}" for name, index in parts.items())
    shape = "x".join(map(str, dataset.images.shape[1:]))
    return f"prepare {p.prepare.dataset} from {dataset.found}: images of {shape}: {sizes}"


def check_later_stages(images: Mapping[str, int]) -> None:
    """Raise `UserError` if there are too few images in the splits for what comes after hours of training."""
    variant = read_parameters(ForTrack).variants[0]  # of those two stages all variants have the same parameters
    tsne = read_parameters(ForTsne, variant).tsne
    neighbours = read_parameters(ForEvaluate, variant).evaluate.neighbours
    points, source = tsne.count(images)
    check_perplexity(tsne.perplexity, points, source)
    check_neighbours(neighbours, points, f"({source})")


def load(settings: Prepare) -> Dataset:
    """The dataset that the settings name. Raises `UserError`."""
    module = plugins.load("datasets", settings.dataset, "prepare.dataset")
    has_options = hasattr(module, "Options")
    return checked(module.load(settings.options) if has_options else module.load(), settings.dataset)


def split(count: int, labels: Array | None, official_test: int, settings: Prepare, seed: int) -> dict[str, Array]:
    """Rows of each split, in random order, so that the first k of a split are a random sample of it.

    The shares of classes are the same in all splits if there are `labels` (count,). The last `official_test` rows stay
    the test split; the validation split is then a share of the others. Raises `UserError` for shares that the dataset
    cannot give.
    """
    _check_shares(count, official_test, settings)
    wanted = settings.images or count
    if official_test:
        share = round(official_test * wanted / count)
        rest = _sample(np.arange(count - official_test), labels, wanted - share, seed)
        test = _sample(np.arange(count - official_test, count), labels, share, seed)
        test = np.random.default_rng(seed).permutation(test)
        held_out = round(settings.validation * len(rest))
    else:
        chosen = _sample(np.arange(count), labels, wanted, seed)
        rest, test = _divided(chosen, labels, round((settings.test or 0) * wanted), seed)
        held_out = round(settings.validation * wanted)
    train, validation = _divided(rest, labels, held_out, seed)
    return {"train": train, "validation": validation, "test": test}


def _check_shares(count: int, official_test: int, settings: Prepare) -> None:
    if settings.images and settings.images > count:
        raise UserError(f"params.yaml: prepare.images: found {settings.images}, allowed: at most the dataset's {count}")
    if official_test and settings.test is not None:
        raise UserError(
            f"params.yaml: prepare.test: found {settings.test:g}, but {settings.dataset} comes with a test split of "
            f"{official_test} images: remove the key"
        )
    if not official_test and settings.test is None:
        raise UserError(f"params.yaml: prepare.test: missing, and {settings.dataset} comes without a test split")


def _sample(index: Array, labels: Array | None, count: int, seed: int) -> Array:
    """So many rows of `index`, with the same shares of classes."""
    return index if count == len(index) else _divided(index, labels, len(index) - count, seed)[0]


def _divided(index: Array, labels: Array | None, count: int, seed: int) -> tuple[Array, Array]:
    """Rows of `index` without `count` of them, and these, with the same shares of classes."""
    stratify = None if labels is None else labels[index]
    try:
        rest, taken = train_test_split(index, test_size=count, stratify=stratify, random_state=seed)
    except ValueError as error:  # a class with too few images, or no image left
        reason = " ".join(str(error).split())
        raise UserError(
            f"params.yaml: prepare: cannot take {count} of {len(index)} images for a split: {reason}"
        ) from None
    return rest, taken


def card(name: str, dataset: Dataset, coded: Classes | None, parts: dict[str, Array]) -> dict[str, Any]:
    """Where the data is from and what it looks like, in plain values.

    `mean_image_energy` is the mean over images of the sum of squared pixel values, in [0, 1] each.
    """
    images = dataset.images
    return {
        "dataset": name,
        "source": dataset.source,
        "sha256": {"images": sha256(images)} | ({} if coded is None else {"labels": sha256(coded.labels)}),
        "images": len(images),
        "image_shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "value_range": [int(images.min()), int(images.max())],
        "mean_image_energy": mean_energy(images),
        **({} if coded is None else {"classes": {str(number): name for number, name in coded.names.items()}}),
        "splits": {part: _counts(index, coded) for part, index in parts.items()},
    }


def _counts(index: Array, coded: Classes | None) -> dict[str, Any]:
    if coded is None:
        return {"images": len(index)}
    labels = coded.labels[index]
    return {"images": len(index), "classes": {str(number): int((labels == number).sum()) for number in coded.names}}


def mean_energy(images: Array) -> float:
    """Mean over images (N, H, W, C) uint8 of the sum of squared pixel values, each in [0, 1]."""
    squares = np.square(np.arange(256) / 255)
    total = sum(float(squares[images[chunk]].sum()) for chunk in chunks(images))
    return total / len(images)


def contact_sheet(name: str, images: Array, coded: Classes | None, index: Array) -> Figure:
    """A row of ten training images for each class (30 at most), or ten rows of images without labels."""
    if coded is None:
        groups = {
            f"{at + 1} to {at + SHOWN}": index[at : at + SHOWN] for at in range(0, min(len(index), SHOWN**2), SHOWN)
        }
    else:
        labels = coded.labels[index]
        names = islice(coded.names.items(), SHOWN_CLASSES)
        groups = {name: index[labels == number][:SHOWN] for number, name in names}
    return rows({label: _padded(images[group] / 255) for label, group in groups.items()}, f"{name}: training images")


def _padded(images: Array) -> Array:
    """At least ten images (10, H, W, C): white ones where there are fewer."""
    return np.pad(images, [(0, SHOWN - len(images)), (0, 0), (0, 0), (0, 0)], constant_values=1.0)


if __name__ == "__main__":
    run(main)
