"""The package's own training, with matrix products in bfloat16."""

from benchmarks.ways import Prepared, engine
from latentlab.config.variants import Variant
from latentlab.storage.memory import Array


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """The engine in mixed precision, with the instructions for it that the CPU has."""
    return engine.prepare(variant, images, threads, "mixed_bfloat16", "native")
