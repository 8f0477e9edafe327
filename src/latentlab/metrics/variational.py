"""What a variational autoencoder's loss is made of, and bounds of the likelihood, in nats an image.

A log-variance counts as one in [-80, 80]: float32 has exponentials of little more.
"""

import math

import numpy as np
from scipy.special import logsumexp

from latentlab.metrics.reconstruction import image_bce
from latentlab.storage.memory import Array

DRAWS, MOST_DRAWS = 50, 500  # an image, of the importance-weighted bounds that are measured

LARGEST_LOG_VAR = 80


def kl(z_mean: Array, z_log_var: Array) -> float:
    """KL divergence of N(z_mean, exp(z_log_var)) from N(0, I), summed over a code's entries, mean over images.

    Both (N, ...). Kingma and Welling 2014 (arXiv:1312.6114), appendix B.
    """
    return float(_summed(_divergences(z_mean, z_log_var)).mean())


def kl_by_dimension(z_mean: Array, z_log_var: Array) -> Array:
    """The same for each entry of a code laid flat, (D,) float64, in nats: it adds up to `kl`. Both are (N, ...).

    An entry that the encoder does not use has 0.
    """
    means: Array = _divergences(z_mean, z_log_var).mean(axis=0)
    return means.ravel()


def evidence(images: Array, sampled: Array, z_mean: Array, z_log_var: Array) -> dict[str, float]:
    """`elbo` = -(`reconstruction` + `kl`), with one draw of the code an image in `sampled` (N, H, W, C)."""
    reconstruction = float(image_bce(images, sampled).mean())
    divergence = kl(z_mean, z_log_var)
    return {"elbo": -(reconstruction + divergence), "reconstruction": reconstruction, "kl": divergence}


def negative_elbo(images: Array, sampled: Array, z_mean: Array, z_log_var: Array) -> Array:
    """The same an image, (N,) float64, with the sign of a loss."""
    return image_bce(images, sampled) + _summed(_divergences(z_mean, z_log_var))


def importance_weighted(log_weights: Array) -> float:
    """Importance-weighted bound in nats an image: log of the mean of k weights, mean over images; from (n, k) logs.

    Burda et al. 2016 (arXiv:1509.00519), section 3. In expectation it is the ELBO for k = 1, rises with k and tends to
    the log-likelihood.
    """
    bounds: Array = logsumexp(log_weights.astype(np.float64), axis=1) - math.log(log_weights.shape[1])  # (n,)
    return float(bounds.mean())


def log_weights(images: Array, decoded: Array, z: Array, z_mean: Array, z_log_var: Array) -> Array:
    """Log importance weights (n,) float64, in nats, of one draw z an image, with -`image_bce` as log p(x|z).

    `images` and `decoded` are (n, H, W, C), the others (n, ...). That is a likelihood where pixels are 0 or 1. Of grey
    values it is none, as it does not integrate to 1 (Loaiza-Ganem and Cunningham 2019, arXiv:1907.06845): bounds made
    of it rank models on the same images and are no bounds of a density.
    """
    return log_importance(-image_bce(images, decoded), z, z_mean, z_log_var)


def log_importance(log_likelihood: Array, z: Array, z_mean: Array, z_log_var: Array) -> Array:
    """Log importance weights (n,) float64, in nats: log p(x|z) + log p(z) - log q(z|x), where the first is given (n,).

    p(z) is N(0, I), q(z|x) is N(z_mean, exp(z_log_var)); all (n, ...), summed over a code's entries.
    """
    z, z_mean, z_log_var = z.astype(np.float64), z_mean.astype(np.float64), _moderate(z_log_var)
    # -(1/2) log 2 pi is in both densities
    ratio = -0.5 * z**2 + 0.5 * (z_log_var + (z - z_mean) ** 2 * np.exp(-z_log_var))  # (n, ...)
    return log_likelihood + _summed(ratio)


def _divergences(z_mean: Array, z_log_var: Array) -> Array:
    """KL divergence of each entry, (N, ...) float64."""
    z_mean, z_log_var = z_mean.astype(np.float64), _moderate(z_log_var)
    divergences: Array = -0.5 * (1 + z_log_var - z_mean**2 - np.exp(z_log_var))
    return divergences


def _summed(entries: Array) -> Array:
    """Sum over a code's entries, (n,)."""
    sums: Array = entries.sum(axis=tuple(range(1, entries.ndim)))
    return sums


def _moderate(z_log_var: Array) -> Array:
    return np.clip(z_log_var.astype(np.float64), -LARGEST_LOG_VAR, LARGEST_LOG_VAR)
