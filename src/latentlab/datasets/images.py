"""The user's own image files: a folder below data/raw with PNG, JPEG or TIFF files.

Sub-folders are classes; a folder without any gives images without labels.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from tqdm import tqdm

from latentlab.errors import UserError
from latentlab.sources.dataset import Dataset
from latentlab.sources.image_file import ENDINGS, Colour, read_image
from latentlab.sources.own import Own, check_no_linked_folder
from latentlab.storage.memory import Array, aligned_empty

Side = Annotated[int, Field(ge=3, le=10_000, strict=True)]


class Options(Own):
    """`path` of the folder. `size`: height and width to scale each image to. `colour`: grey or rgb."""

    size: Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    colour: Colour = "rgb"


def load(options: Options) -> Dataset:
    """All images of the folder, in the order of their paths. Raises `UserError` that names the file at fault."""
    folder = options.existing()
    if not folder.is_dir():
        raise UserError(f"params.yaml: prepare.path: found the file {options.path!r}, allowed: a folder of images")
    files = image_files(folder)
    top = [file for file in files if file.parent == folder]
    if not files:
        raise UserError(f"{folder}: found no image, allowed: files that end in {', '.join(sorted(ENDINGS))}")
    if top and len(top) < len(files):
        raise UserError(
            f"{folder}: found {top[0].name} beside the folder {next(f for f in files if f not in top).parent.name}, "
            "allowed: one folder a class, or no folders"
        )
    classes = None if top else np.array([file.relative_to(folder).parts[0] for file in files])
    return Dataset(_read(files, options), classes, source=str(folder), found=str(folder))


def image_files(folder: Path) -> list[Path]:
    """The image files below a folder, sorted. Raises `UserError` for a folder that is a link."""
    found, todo = [], [folder]
    while todo:
        for path in _entries(todo.pop()):
            if _is_folder(path):
                check_no_linked_folder(path)
                todo.append(path)
            elif path.suffix.lower() in ENDINGS:
                found.append(path)
    return sorted(found)


def _entries(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _read(files: list[Path], options: Options) -> Array:
    """All images (N, H, W, C) uint8."""
    first = read_image(files[0], options.colour, options.size)
    try:
        images = aligned_empty((len(files), *first.shape), np.dtype(np.uint8))
    except MemoryError:
        raise UserError(
            f"{files[0].parent}: {len(files)} images of {_size(first)} pixels are too much for this machine's memory; "
            "prepare.size: [height, width] in params.yaml makes them smaller"
        ) from None
    for row, file in enumerate(tqdm(files, desc="read images", unit="image", disable=None)):
        image = read_image(file, options.colour, options.size)
        if image.shape != first.shape:
            raise UserError(
                f"{file}: found {_size(image)} pixels where {files[0].name} has {_size(first)}; "
                "prepare.size: [height, width] in params.yaml scales all to one size"
            )
        images[row] = image
    return images


def _size(image: Array) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
