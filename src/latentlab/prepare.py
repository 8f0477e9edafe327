"""Stage `prepare`: split a dataset, stratified, into train, validation and test."""

import hashlib
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from latentlab import params, paths, plugins, stage
from latentlab.artifacts import Array, write_json, write_npz
from latentlab.errors import UserError
from latentlab.params import Prepare

Splits = dict[str, dict[str, Array]]


def main() -> str:
    """Write one file a split, and a card that says what is in them."""
    p = params.load()
    images, labels = plugins.load("datasets", p.prepare.dataset, "prepare.dataset").load()
    splits = split(images, labels, p.prepare, p.seed)
    for name, arrays in splits.items():
        write_npz(paths.prepared(name), arrays)
    write_json(paths.CARD, card(p.prepare.dataset, images, labels, splits))
    sizes = ", ".join(f"{name} {len(arrays['labels'])}" for name, arrays in splits.items())
    return f"prepare {p.prepare.dataset}: images of {'x'.join(map(str, images.shape[1:]))}: {sizes}"


def split(images: Array, labels: Array, settings: Prepare, seed: int) -> Splits:
    """Stratified splits, each a dict of `images` (n, H, W, C), `labels` (n,) and `index` (n,), the dataset's row.

    Rows are in random order, so the first k of a split are a random sample of it. Raises `UserError` where a class
    has too few images to be in every split, or the dataset fewer than `settings.images`.
    """
    index = np.arange(len(images))
    count = len(images) if settings.images is None else settings.images
    if count > len(images):
        raise UserError(f"params.yaml: prepare.images: found {count}, allowed: at most the dataset's {len(images)}")
    if count < len(images):
        index, _ = _divided(index, labels, len(images) - count, seed)
    rest, test = _divided(index, labels, round(settings.test * count), seed)
    train, validation = _divided(rest, labels, round(settings.validation * count), seed)
    rows = {"train": train, "validation": validation, "test": test}
    return {name: {"images": images[at], "labels": labels[at], "index": at} for name, at in rows.items()}


def _divided(index: Array, labels: Array, count: int, seed: int) -> tuple[Array, Array]:
    """Rows of `index` without `count` of them, and these, with the same shares of classes."""
    try:
        rest, taken = train_test_split(index, test_size=count, stratify=labels[index], random_state=seed)
    except ValueError as error:
        raise UserError(
            f"params.yaml: prepare: cannot take {count} of {len(index)} images for a split: {error}"
        ) from None
    return rest, taken


def card(dataset: str, images: Array, labels: Array, splits: Splits) -> dict[str, Any]:
    """Where the data is from and what it looks like, in plain values."""
    classes = np.unique(labels)
    return {
        "dataset": dataset,
        "sha256": {"images": _sha256(images), "labels": _sha256(labels)},
        "image_shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "value_range": [int(images.min()), int(images.max())],
        "splits": {
            name: {
                "images": len(arrays["labels"]),
                "classes": {str(c): int((arrays["labels"] == c).sum()) for c in classes},
            }
            for name, arrays in splits.items()
        },
    }


def _sha256(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


if __name__ == "__main__":
    stage.run(main)
