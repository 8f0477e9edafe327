"""PyTorch's eager mode with the update of all weights as one operation."""

from benchmarks.ways import Prepared, pytorch
from latentlab.artifacts import Array
from latentlab.params import Variant


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """PyTorch with its fused Adam."""
    return pytorch.prepare(variant, images, threads, fused=True)
