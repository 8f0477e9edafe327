"""PyTorch with forward pass and loss compiled by `torch.compile`, and the update of all weights as one operation."""

from benchmarks.ways import Prepared, pytorch
from latentlab.config.variants import Variant
from latentlab.storage.memory import Array


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """PyTorch, compiled; the last, smaller batch is left out, as it would be compiled anew."""
    return pytorch.prepare(variant, images, threads, fused=True, compiled=True)
