"""What every architecture returns: an encoder and a decoder."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    from latentlab.storage.memory import Array


@dataclass(frozen=True)
class Autoencoder:
    """Two plain Keras models of built-in layers.

    `encoder` maps images (N, H, W, C) in [0, 1] to codes (N, ...), a variational one to the pair
    `[z_mean, z_log_var]` of one shape. `decoder` maps codes back to images (N, H, W, C) in [0, 1]; one that ends in a
    layer of its own for the sigmoid trains on logits, which is faster. `xla` says that XLA speeds up its training,
    `shared_batches` that threads had better share its batches, as its operations are too small for that (not with
    batch normalisation, which would see a part of a batch).

    `beta` weighs the KL divergence in a variational one's loss (Higgins et al. 2017, beta-VAE). `deviation` is what
    the loss takes for the standard deviation of a code, from z_log_var; exp(z_log_var / 2) without it.
    """

    encoder: "keras.Model"
    decoder: "keras.Model"
    xla: bool = False
    shared_batches: bool = False
    beta: float = 1.0
    deviation: "Callable[[keras.KerasTensor], keras.KerasTensor] | None" = None

    def fault(self, image_shape: tuple[int, ...]) -> str:
        """What is wrong with the models for images of this shape, and what is allowed; empty if nothing is."""
        inputs, code = self.encoder.inputs[0].shape[1:], self.encoder.outputs[0].shape[1:]
        if len(self.encoder.outputs) > 2:
            return (
                f"found an encoder with {len(self.encoder.outputs)} outputs, allowed: a code, or z_mean and z_log_var"
            )
        if inputs != image_shape:
            return f"found an encoder of images of {inputs}, allowed: {image_shape}"
        if not code or None in code:
            return f"found codes of {code}, allowed: a fixed number of entries in one dimension or more"
        if any(output.shape[1:] != code for output in self.encoder.outputs):
            return f"found z_log_var of {self.encoder.outputs[1].shape[1:]}, allowed: {code} as z_mean"
        if len(self.decoder.inputs) != 1 or self.decoder.inputs[0].shape[1:] != code:
            return f"found a decoder of {[each.shape[1:] for each in self.decoder.inputs]}, allowed: codes of {code}"
        if len(self.decoder.outputs) != 1 or self.decoder.outputs[0].shape[1:] != image_shape:
            found = [each.shape[1:] for each in self.decoder.outputs]
            return f"found a decoder that gives {found}, allowed: images of {image_shape}"
        return ""

    @property
    def variational(self) -> bool:
        """Whether the encoder gives a distribution over codes instead of a code."""
        return len(self.encoder.outputs) == 2

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one code."""
        return tuple(self.encoder.outputs[0].shape[1:])

    @property
    def weights(self) -> list["keras.Variable"]:
        """Trainable weights of both models, encoder first."""
        return [*self.encoder.trainable_weights, *self.decoder.trainable_weights]

    def get_weights(self) -> "list[Array]":
        """Copies of all weights of both models, those that do not train included."""
        return [*self.encoder.get_weights(), *self.decoder.get_weights()]

    def set_weights(self, weights: "list[Array]") -> None:
        """Give both models the weights that `get_weights` returned."""
        count = len(self.encoder.weights)
        self.encoder.set_weights(weights[:count])
        self.decoder.set_weights(weights[count:])

    def parameters(self) -> dict[str, int]:
        """Parameter counts, the statistics of batch normalisation included."""
        encoder, decoder = self.encoder.count_params(), self.decoder.count_params()
        return {"encoder": encoder, "decoder": decoder, "total": encoder + decoder}
