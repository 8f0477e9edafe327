"""The package's own training with `numerics: native`: the CPU's widest instructions."""

from benchmarks.ways import Prepared, engine
from latentlab.config.variants import Variant
from latentlab.storage.memory import Array


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """The engine as fast as this CPU can."""
    return engine.prepare(variant, images, threads, numerics="native")
