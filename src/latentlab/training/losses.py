"""What training minimises, as TensorFlow tensors."""

import math
from collections.abc import Callable

import tensorflow as tf

from latentlab.networks.autoencoder import Autoencoder
from latentlab.training.equivalents import ends_in_sigmoid, faster

EPSILON = 1e-7  # keeps the logarithms finite; float32's step below 1 is 6e-8

Terms = dict[str, tf.Tensor]


def pixel_bce(images: tf.Tensor, decoded: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy of each pixel in nats, (N, H, W, C); both arguments in [0, 1]."""

    @tf.custom_gradient
    def bce(images: tf.Tensor, p: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor | None]]]:
        def gradient(upstream: tf.Tensor) -> list[tf.Tensor | None]:
            # that of the logarithms by themselves would be reciprocals, which CPUs take from tables of their makers'
            return [None, (p - images) / (p * (1 - p)) * upstream]

        return -images * tf.math.log(p) - (1 - images) * tf.math.log1p(-p), gradient

    return bce(images, tf.clip_by_value(decoded, EPSILON, 1 - EPSILON))


def logits_bce(images: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy summed over an image's pixels in nats, (N,), from logits: no clipping, one exponential.

    Both arguments are (N, H, W, C) float32. It is max(l, 0) - l x + log(1 + exp(-|l|)); the sum of the last term's
    logarithms is the logarithm of a product, taken over as many pixels as cannot overflow.
    """

    @tf.custom_gradient
    def bce(images: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor | None]]]:
        def gradient(upstream: tf.Tensor) -> list[tf.Tensor | None]:
            return [None, _by_logits(images, logits, upstream)]

        return _bce_sums(images, logits), gradient

    return bce(images, logits)


# XLA makes one loop of these even where the rest of the graph is better off without it
@tf.function(jit_compile=True, autograph=False)
def _bce_sums(images: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    pixels = math.prod(logits.shape[1:])
    group = next(size for size in range(min(64, pixels), 0, -1) if pixels % size == 0)  # factors are at most 2
    factors = tf.reshape(1 + tf.exp(-tf.abs(logits)), [-1, pixels // group, group])
    linear = tf.reduce_sum(tf.maximum(logits, 0) - logits * images, axis=(1, 2, 3))
    return linear + tf.reduce_sum(tf.math.log(tf.reduce_prod(factors, axis=2)), axis=1)  # (N,)


@tf.function(jit_compile=True, autograph=False)
def _by_logits(images: tf.Tensor, logits: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    small = tf.exp(-tf.abs(logits))
    probability = tf.where(logits >= 0, 1 / (1 + small), small / (1 + small))
    return (probability - images) * upstream[:, None, None, None]


def gaussian_kl(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tf.Tensor:
    """KL divergence of N(z_mean, exp(z_log_var)) from N(0, I) in nats an image, (N,), summed over all else.

    Both (N, ...). Kingma and Welling 2014 (arXiv:1312.6114), appendix B.
    """
    axes = list(range(1, z_mean.shape.rank))
    return -0.5 * tf.reduce_sum(1 + z_log_var - z_mean**2 - tf.exp(z_log_var), axis=axes)


def deviation(z_log_var: tf.Tensor) -> tf.Tensor:
    """Standard deviation of which z_log_var is the logarithm of the square, (N, ...)."""
    return tf.exp(z_log_var / 2)


def sample_code(z_mean: tf.Tensor, stddev: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Reparameterised draw from N(z_mean, stddev ** 2), (N, ...)."""
    return z_mean + stddev * tf.random.stateless_normal(tf.shape(z_mean), seed)


def noisy(images: tf.Tensor, stddev: float, seed: tf.Tensor) -> tf.Tensor:
    """Images with Gaussian noise, clipped to [0, 1]."""
    return tf.clip_by_value(images + stddev * tf.random.stateless_normal(tf.shape(images), seed), 0.0, 1.0)


def loss_function(autoencoder: Autoencoder, noise: float, activity_l1: float) -> Callable[..., Terms]:
    """A function of images (N, H, W, C) in [0, 1], a seed and `training` that gives means over the batch.

    `loss` is what the other terms sum up to. A plain autoencoder's `reconstruction_loss` is the mean over pixels;
    `loss` adds `activity_l1` times the L1 norm of the code. A variational one's `reconstruction_loss` is the sum over
    pixels and joins `kl_loss`, which has beta in it: nats an image, without beta the negative evidence lower bound.
    """
    encoder, decoder = faster(autoencoder.encoder), faster(autoencoder.decoder)
    logits = ends_in_sigmoid(autoencoder.decoder)
    deviation_of = autoencoder.deviation or deviation

    def terms(images: tf.Tensor, seed: tf.Tensor, training: bool) -> Terms:
        noise_seed, code_seed = tf.unstack(tf.random.split(seed, 2))
        encoded = encoder(noisy(images, noise, noise_seed) if noise else images, training=training)
        if autoencoder.variational:
            z_mean, z_log_var = (tf.cast(part, tf.float32) for part in encoded)
            code = sample_code(z_mean, deviation_of(z_log_var), code_seed)
        else:
            code = encoded
        decoded = tf.cast(decoder(code, training=training), tf.float32)
        bce = logits_bce(images, decoded) if logits else tf.reduce_sum(pixel_bce(images, decoded), axis=(1, 2, 3))
        reconstruction = tf.reduce_mean(bce)
        if autoencoder.variational:
            kl = autoencoder.beta * tf.reduce_mean(gaussian_kl(z_mean, z_log_var))
            parts = {"reconstruction_loss": reconstruction, "kl_loss": kl}
        else:
            parts = {"reconstruction_loss": reconstruction / math.prod(images.shape[1:])}
        loss = tf.add_n(list(parts.values()))
        if activity_l1:
            norms = tf.reduce_sum(tf.abs(tf.cast(code, tf.float32)), axis=list(range(1, code.shape.rank)))
            loss += activity_l1 * tf.reduce_mean(norms)
        return {"loss": loss, **parts}

    return terms
