"""The user's own IDX files, gzipped or not, as MNIST and its relatives have them.

`path` is a folder below data/raw with files called *train-images*, and if there are any *train-labels*, *t10k-images*
or *test-images*, *t10k-labels* or *test-labels*; or one file of images without labels.
"""

from pathlib import Path

import numpy as np

from latentlab.errors import UserError
from latentlab.sources.dataset import Dataset
from latentlab.sources.idx import read_idx
from latentlab.sources.own import Own
from latentlab.storage.memory import Array

Options = Own
PARTS = (("train",), ("t10k", "test"))


def load(options: Own) -> Dataset:
    """The images of the file, or those in the folder, `options.path`. Raises `UserError`."""
    path = options.existing()
    if path.is_file():
        return Dataset(read_idx(path, 3)[..., None], None, str(path), str(path))
    found = [_part(path, names) for names in PARTS]
    if found[0] is None:
        raise UserError(f"{path}: found no file called *train-images*")
    parts = [part for part in found if part]
    images = [part[0] for part in parts]
    labels = [part[1] for part in parts if part[1] is not None]
    if len({part.shape[1:] for part in images}) > 1 or len(labels) not in (0, len(parts)):
        raise UserError(f"{path}: found images of different shapes, or labels for one part alone")
    return Dataset(
        np.concatenate(images)[..., None],  # (N, H, W, 1)
        np.concatenate(labels) if labels else None,
        source=str(path),
        found=str(path),
        official_test=len(images[1]) if len(images) > 1 else 0,
    )


def _part(folder: Path, names: tuple[str, ...]) -> tuple[Array, Array | None] | None:
    """Images (n, H, W) and labels (n,) of one part, if it is there."""
    path = _only(folder, [f"{name}-images" for name in names])
    if path is None:
        return None
    images, labels_path = read_idx(path, 3), _only(folder, [f"{name}-labels" for name in names])
    if labels_path is None:
        return images, None
    labels = read_idx(labels_path, 1)
    if len(labels) != len(images):
        raise UserError(f"{labels_path}: found {len(labels)} labels for {len(images)} images")
    return images, labels


def _only(folder: Path, names: list[str]) -> Path | None:
    try:
        paths = sorted(path for path in folder.iterdir() if any(name in path.name for name in names))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from None
    if len(paths) > 1:
        raise UserError(f"{folder}: found {paths[0].name} and {paths[1].name}, allowed: one of them")
    return paths[0] if paths else None
