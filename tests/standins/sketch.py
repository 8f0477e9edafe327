"""Stands in for all figures: a picture whose colours depend on what it shows."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentlab.storage.replacing import replacing


class Sketch:
    """Has of matplotlib's figures what the project uses."""

    def __init__(self, *content: Any) -> None:
        self.digest = hashlib.sha256(repr(content).encode()).digest()

    def savefig(self, path: Path, **_: Any) -> None:
        """Write it as PNG."""
        Image.fromarray(np.frombuffer(self.digest[:27], np.uint8).reshape(3, 3, 3)).save(path, "PNG")


def captioned(drawing: Sketch, _: str) -> Sketch:
    """Nothing is written below a sketch."""
    return drawing


def write_svg(path: Path, figure: Sketch) -> None:
    """Write the same picture."""
    with replacing(path) as temporary:
        figure.savefig(temporary)


bars = rows = grid = codes = denoising = losses = neighbours = roc = scatter = Sketch
