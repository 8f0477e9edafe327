"""Stands in for all figures: a picture whose colours depend on what it shows."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


class Sketch:
    """Has of matplotlib's figures what the project uses."""

    def __init__(self, *content: Any) -> None:
        self.digest = hashlib.sha256(repr(content).encode()).digest()

    def savefig(self, path: Path, **_: Any) -> None:
        """Write it as PNG."""
        Image.fromarray(np.frombuffer(self.digest[:27], np.uint8).reshape(3, 3, 3)).save(path, "PNG")


bars = rows = grid = codes = denoising = losses = neighbours = roc = scatter = Sketch
