"""The evidence lower bound of a variational autoencoder, in nats an image."""

import numpy as np

from latentlab.metrics.reconstruction import image_bce
from latentlab.storage.memory import Array


def kl(z_mean: Array, z_log_var: Array) -> float:
    """KL divergence of N(z_mean, exp(z_log_var)) from N(0, I), summed over a code's entries, mean over images.

    Both (N, ...). Kingma and Welling 2014 (arXiv:1312.6114), appendix B.
    """
    z_mean, z_log_var = z_mean.astype(np.float64), z_log_var.astype(np.float64)
    entries = tuple(range(1, z_mean.ndim))
    return float(np.mean(-0.5 * np.sum(1 + z_log_var - z_mean**2 - np.exp(z_log_var), axis=entries)))


def evidence(images: Array, sampled: Array, z_mean: Array, z_log_var: Array) -> dict[str, float]:
    """`elbo` = -(`reconstruction` + `kl`), with one draw of the code an image in `sampled` (N, H, W, C)."""
    reconstruction = float(image_bce(images, sampled).mean())
    divergence = kl(z_mean, z_log_var)
    return {"elbo": -(reconstruction + divergence), "reconstruction": reconstruction, "kl": divergence}
