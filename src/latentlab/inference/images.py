"""New images, read as `prepare` would have read them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentlab.config.stages import ForPrepare
from latentlab.datasets import images
from latentlab.errors import UserError
from latentlab.pipeline.plan import read_parameters
from latentlab.sources.image_file import Colour, read_image
from latentlab.sources.values import as_bytes
from latentlab.storage.memory import Array
from latentlab.storage.npy import read_npy
from latentlab.storage.npz import read_npz

COLOURS: dict[int, Colour] = {1: "grey", 3: "rgb"}  # by the number of channels
Shape = tuple[int, int, int]


def scaled_size() -> tuple[int, int] | None:
    """Height and width that the study in the current folder scales image files to; None if it does not."""
    options = read_parameters(ForPrepare).prepare.options
    return options.size if isinstance(options, images.Options) else None


def read_images(files: Sequence[Path], shape: Shape, size: tuple[int, int] | None) -> tuple[Array, list[str]]:
    """Images (N, H, W, C) uint8 of the `shape` (H, W, C) in the order of the files, and a name for each.

    A file is an image, scaled to `size` if that is given, or an npz or npy file with any number of them. Raises
    `UserError` for what cannot be read or has another shape.
    """
    parts = [_read(file, shape, size) for file in files]
    names = [
        str(file) if len(part) == 1 else f"{file}[{row}]"
        for file, part in zip(files, parts, strict=True)
        for row in range(len(part))
    ]
    if not names:
        raise UserError(f"{', '.join(map(str, files)) or 'files'}: found no image")
    return np.concatenate(parts), names


def _read(file: Path, shape: Shape, size: tuple[int, int] | None) -> Array:
    """The images (n, H, W, C) of one file."""
    if file.suffix.lower() == ".npz":
        return _of_shape(_the_array(file), shape, file)
    if file.suffix.lower() == ".npy":
        return _of_shape(read_npy(file), shape, file)
    if shape[2] not in COLOURS:
        raise UserError(f"{file}: found an image file, allowed for images of {shape[2]} channels: npz or npy files")
    return _of_shape(read_image(file, COLOURS[shape[2]], size), shape, file)


def _the_array(file: Path) -> Array:
    """`images` of an npz file, or its one array."""
    arrays = read_npz(file, made_by="")
    if "images" in arrays:
        return arrays["images"]
    if len(arrays) != 1:
        raise UserError(f"{file}: found {', '.join(sorted(arrays)) or 'no arrays'}, needed: images")
    return next(iter(arrays.values()))


def _of_shape(array: Array, shape: Shape, file: Path) -> Array:
    """One image or several as (n, H, W, C) uint8; the channel may be missing if there is one alone."""
    wanted = [shape] if shape[2] > 1 else [shape, shape[:2]]
    if not any(array.shape in (one, (len(array), *one)) for one in wanted if array.ndim):
        found, allowed = ("x".join(map(str, each)) or "one number" for each in (array.shape, shape))
        raise UserError(f"{file}: found {found}, allowed: images of {allowed}, as the variant was trained on")
    return as_bytes(array.reshape(-1, *shape), str(file))
