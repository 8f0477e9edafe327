"""Losses an epoch as MLflow shows them: beside the losses themselves one in the same unit for every variant.

A variational autoencoder's loss is in nats an image, the others' in nats a pixel. `bce` and `validation_bce` are the
binary cross-entropy a pixel of both, as `test/bce` is.
"""

from typing import Any, TypeVar

Losses = TypeVar("Losses", bound=dict[str, Any])  # a row of a history, or its columns as arrays


def comparable(losses: Losses, pixels: int) -> Losses:
    """The losses with `bce` and `validation_bce`; `pixels` is H * W * C of an image."""
    scale = pixels if "kl_loss" in losses else 1
    added = {
        name.removesuffix("reconstruction_loss") + "bce": value / scale
        for name, value in losses.items()
        if name.endswith("reconstruction_loss")
    }
    return losses | added  # type: ignore[return-value]
