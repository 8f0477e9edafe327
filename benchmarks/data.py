"""The images: MNIST from a file, or made-up ones with its statistics."""

from pathlib import Path

import numpy as np

from latentlab.storage.memory import Array, aligned_empty
from latentlab.storage.npz import read_npz

SEED = 42
SIDE = 28
CHUNK = 1000  # images at a time: the temporary arrays must not count in a worker's peak memory


def load(count: int, mnist: Path | None) -> Array:
    """The first `count` training images of the npz file `mnist` (key x_train), else synthetic ones.

    (N, 28, 28, 1) uint8. Raises `ValueError` if the file has fewer.
    """
    if mnist is None:
        return synthetic(count)
    images = read_npz(mnist, made_by="")["x_train"][:count, :, :, None]
    if len(images) < count:
        raise ValueError(f"{mnist}: found {len(images)} images, wanted {count}")
    return images


def synthetic(count: int) -> Array:
    """Bright smooth blobs on black, (N, 28, 28, 1) uint8, the same ones each time.

    As in MNIST, the mean is 0.13 and the standard deviation 0.31 of white, and four pixels of five are black.
    """
    rng = np.random.default_rng(SEED)
    images = aligned_empty((count, SIDE, SIDE, 1), np.dtype(np.uint8))
    centres, positions = np.linspace(4, SIDE - 5, 7), np.arange(SIDE)
    bumps = np.exp(-(((positions[:, None] - centres) / 2.5) ** 2)).astype(np.float32)  # (28, 7)
    for start in range(0, count, CHUNK):
        chunk = images[start : start + CHUNK, :, :, 0]
        heights = rng.standard_normal((len(chunk), 7, 7), np.float32)
        fields = bumps @ heights @ bumps.T  # (n, 28, 28)
        chunk[:] = np.clip((fields - 0.6) * 600, 0, 255)
    return images
