"""The ways to train that are compared, one module each.

Each has `prepare(variant, images, threads) -> Prepared` for images (N, 28, 28, 1) uint8. A way's libraries are
imported by its own process only.
"""

from collections.abc import Callable
from dataclasses import dataclass

WAYS = {
    "keras_fit": "Keras fit",
    "keras_best": "Keras fit, tuned",
    "pytorch": "PyTorch",
    "pytorch_fused": "PyTorch, fused Adam",
    "pytorch_compiled": "PyTorch, compiled",
    "engine": "engine",
    "engine_native": "engine, native",
    "engine_bf16": "engine, bfloat16",
}
SEED = 42


@dataclass(frozen=True)
class Prepared:
    """A net ready to train: its number of trainable `parameters`, and one `epoch` over all images."""

    parameters: int
    epoch: Callable[[], None]
