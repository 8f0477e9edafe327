"""Features for TensorBoard's embedding projector: vectors, what is known of each, and a picture of each."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from latentlab.figures.thumbnails import SIDE, thumbnails
from latentlab.report.sheets import coloured, columns, mosaic
from latentlab.storage.memory import Array
from latentlab.storage.replacing import replacing

LARGEST = 8192  # pixels a side of a sprite that the projector takes
CONFIGURATION = """embeddings {{
  tensor_name: "{name}"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {width}
    single_image_dim: {height}
  }}
}}
"""


def write_projector(
    folder: Path, name: str, features: Array, images: Array, index: Array, classes: Sequence[str] | None
) -> None:
    """Write the files of features (n, D) of images (n, H, W, C), with their numbers in the dataset and their classes.

    https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin says what they are. Raises `UserError`.
    """
    small = thumbnails(coloured(images), min(SIDE, LARGEST // columns(len(images))))
    sprite = mosaic(small)
    head = ["row", *([] if classes is None else ["class"])]
    known = zip(map(str, index), *([] if classes is None else [map(_one_cell, classes)]), strict=True)
    _write_lines(folder / "vectors.tsv", ("\t".join(f"{value:.9g}" for value in row) for row in features))
    _write_lines(folder / "metadata.tsv", ("\t".join(cells) for cells in [head, *known]))
    with replacing(folder / "sprite.png") as temporary:
        Image.fromarray(np.squeeze(sprite, 2) if sprite.shape[2] == 1 else sprite).save(temporary)
    text = CONFIGURATION.format(name=name, height=small.shape[1], width=small.shape[2])
    _write_lines(folder / "projector_config.pbtxt", text.splitlines())


def _one_cell(text: str) -> str:
    return " ".join(text.split())


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
