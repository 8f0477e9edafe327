"""PyTorch's eager mode with the update of all weights as one operation."""

from benchmarks.ways import Prepared, pytorch
from latentlab.config.variants import Variant
from latentlab.storage.memory import Array


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """PyTorch with its fused Adam."""
    return pytorch.prepare(variant, images, threads, fused=True)
