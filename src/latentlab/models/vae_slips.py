"""The dense variational autoencoder with slips of published code in its sampler, to show what they cost."""

from dataclasses import replace
from typing import Any

from latentlab.config.settings import Weight
from latentlab.models import vae
from latentlab.networks.autoencoder import Autoencoder


class Options(vae.Options):
    """Those of `vae`, and what the sampler multiplies standard normal noise with.

    That is exp(`exponent` * z_log_var) * `scale`. The KL divergence in the loss and every metric take z_log_var for
    the logarithm of a variance, for which 0.5 and 1 are right. Tutorials have an exponent of 1 or a scale of 0.1.
    """

    exponent: Weight = 0.5
    scale: Weight = 1.0


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """As `vae` has it, but for the deviation of a code in the loss."""
    from keras import ops

    def deviation(z_log_var: Any) -> Any:
        return ops.exp(options.exponent * z_log_var) * options.scale

    return replace(vae.build(options, image_shape), deviation=deviation)
