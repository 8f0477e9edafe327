"""The user's own arrays, in one npz file below data/raw.

Its keys are `images` and, if there are labels, `labels`; or `x_train`, `y_train`, `x_test`, `y_test` as Keras has them,
of which the latter two become the test split. Images are (N, H, W) or (N, H, W, C): uint8, whole numbers from 0 to 255,
or floats from 0 to 1.
"""

from pathlib import Path

import numpy as np

from latentlab.errors import UserError
from latentlab.sources.dataset import Dataset
from latentlab.sources.own import Own
from latentlab.sources.values import as_bytes
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz

Options = Own


def load(options: Own) -> Dataset:
    """The arrays in the file `options.path`. Raises `UserError`."""
    path = options.existing()
    arrays = read_npz(path, made_by="")
    pairs = [("images", "labels")] if "images" in arrays else [("x_train", "y_train"), ("x_test", "y_test")]
    pairs = [pair for pair in pairs if pair[0] in arrays]
    if not pairs or pairs[0][0] == "x_test":
        raise UserError(f"{path}: found {', '.join(sorted(arrays)) or 'no arrays'}, needed: images, or x_train")
    parts = [_images(arrays[images], images, path) for images, _ in pairs]
    labels = [
        _labels(arrays[name], part, name, path) for part, (_, name) in zip(parts, pairs, strict=True) if name in arrays
    ]
    if len({part.shape[1:] for part in parts}) > 1 or len(labels) not in (0, len(parts)):
        raise UserError(
            f"{path}: x_train and x_test: found images of different shapes, or labels for one of them alone"
        )
    return Dataset(
        np.concatenate(parts) if len(parts) > 1 else parts[0],
        np.concatenate(labels) if labels else None,
        source=str(path),
        found=str(path),
        official_test=len(parts[1]) if len(parts) > 1 else 0,
    )


def _images(images: Array, key: str, path: Path) -> Array:
    if images.ndim not in (3, 4):
        raise UserError(f"{path}: {key}: found shape {images.shape}, allowed: (N, H, W) or (N, H, W, C)")
    return as_bytes(images if images.ndim == 4 else images[..., None], f"{path}: {key}")  # (N, H, W, C)


def _labels(labels: Array, images: Array, key: str, path: Path) -> Array:
    if labels.shape == (len(images), 1):  # as Keras has CIFAR's
        return labels[:, 0]
    if labels.shape != (len(images),):
        raise UserError(f"{path}: {key}: found shape {labels.shape}, allowed: ({len(images)},), one label an image")
    return labels
