"""What a dataset gives, and what is asked of it."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latentlab.errors import UserError
from latentlab.storage.memory import Array

SPLITS = 3


@dataclass(frozen=True)
class Dataset:
    """Images (N, H, W, C) uint8 and, if they have any, labels (N,): numbers or names, one an image.

    `source` is one line on where the data is from, the same on every machine; `found` says where it was read this
    time. The last `official_test` images are the test split that the dataset comes with, if it has one.
    """

    images: Array
    labels: Array | None
    source: str
    found: str
    official_test: int = 0


@dataclass(frozen=True)
class Classes:
    """Labels as numbers (N,) int64, and the name of each number that occurs."""

    labels: Array
    names: dict[int, str]


def sha256(array: Array) -> str:
    """Of an array's bytes, by which a dataset is known."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def checked(dataset: Any, name: str) -> Dataset:
    """The dataset that `datasets/<name>.py` has loaded. Raises `UserError` if it is not what the pipeline can use."""
    if not isinstance(dataset, Dataset):
        raise UserError(f"datasets/{name}.py: load returned a {type(dataset).__name__}, allowed: a Dataset")
    _check_images(dataset)
    if dataset.labels is None:
        return dataset
    labels = np.asarray(dataset.labels)
    if labels.shape != dataset.images.shape[:1]:
        raise UserError(
            f"{dataset.found}: found {len(dataset.images)} images and labels of shape {labels.shape}, "
            "allowed: one label an image"
        )
    return replace(dataset, labels=labels)


def _check_images(dataset: Dataset) -> None:
    images = dataset.images
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        raise UserError(f"{dataset.found}: found images of {found}, allowed: uint8 (N, H, W, C)")
    if len(images) < SPLITS:
        raise UserError(f"{dataset.found}: found {len(images)} images, allowed: {SPLITS} or more, one a split")
    if min(images.shape[1:3]) < 3 or images.shape[3] < 1:
        size = "x".join(map(str, images.shape[1:]))
        raise UserError(f"{dataset.found}: found images of {size}, allowed: 3x3x1 or more")
    if not 0 <= dataset.official_test < len(images):
        raise UserError(f"{dataset.found}: found {dataset.official_test} test images of {len(images)}, allowed: fewer")


def classes(labels: Array, found: str) -> Classes:
    """Labels as numbers: whole numbers stay what they are, names are numbered in alphabetical order.

    Raises `UserError` for labels that are neither, for fewer than two classes, and for a class too small to be in
    every split.
    """
    if labels.dtype.kind in "US":
        texts = np.strings.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels
        names, numbers = np.unique(texts, return_inverse=True)
        coded = Classes(numbers.astype(np.int64), dict(enumerate(names.tolist())))
    else:
        whole = _whole(labels, found)
        coded = Classes(whole, {number: str(number) for number in np.unique(whole).tolist()})
    if len(coded.names) < 2:
        (only,) = coded.names.values()
        raise UserError(f"{found}: labels: found the class {only!r} alone, allowed: two classes or more, or no labels")
    values, counts = np.unique(coded.labels, return_counts=True)
    if counts.min() < SPLITS:
        name = coded.names[int(values[counts.argmin()])]
        raise UserError(
            f"{found}: labels: found {counts.min()} of class {name!r}, allowed: {SPLITS} or more, one a split"
        )
    return coded


def _whole(labels: Array, found: str) -> Array:
    if labels.dtype.kind not in "biuf":
        raise UserError(f"{found}: labels: found {labels.dtype}, allowed: whole numbers or names")
    with np.errstate(invalid="ignore"):
        whole: Array = labels.astype(np.int64)
    (wrong,) = np.nonzero(whole != labels)  # fractions, infinity and what is not a number
    if len(wrong):
        raise UserError(f"{found}: labels: found {labels[wrong[0]]} in row {wrong[0]}, allowed: whole numbers or names")
    return whole
