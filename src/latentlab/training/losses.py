"""What training minimises, as TensorFlow tensors."""

import tensorflow as tf

from latentlab.autoencoder import Autoencoder

EPSILON = 1e-7  # keeps the logarithms finite; float32's step below 1 is 6e-8

Terms = dict[str, tf.Tensor]


def pixel_bce(images: tf.Tensor, decoded: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy of each pixel in nats, (N, H, W, C); both arguments in [0, 1]."""
    p = tf.clip_by_value(decoded, EPSILON, 1 - EPSILON)
    return -images * tf.math.log(p) - (1 - images) * tf.math.log1p(-p)


def gaussian_kl(z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tf.Tensor:
    """KL divergence of N(z_mean, exp(z_log_var)) from N(0, I) in nats an image, (N,), summed over dimensions.

    Kingma and Welling 2014 (arXiv:1312.6114), appendix B.
    """
    return -0.5 * tf.reduce_sum(1 + z_log_var - z_mean**2 - tf.exp(z_log_var), axis=-1)


def sample_code(z_mean: tf.Tensor, z_log_var: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Reparameterised draw from N(z_mean, exp(z_log_var)), (N, D): the standard deviation is exp(z_log_var / 2)."""
    return z_mean + tf.exp(z_log_var / 2) * tf.random.stateless_normal(tf.shape(z_mean), seed)


def noisy(images: tf.Tensor, stddev: float, seed: tf.Tensor) -> tf.Tensor:
    """Images with Gaussian noise, clipped to [0, 1]."""
    return tf.clip_by_value(images + stddev * tf.random.stateless_normal(tf.shape(images), seed), 0.0, 1.0)


def loss_terms(
    autoencoder: Autoencoder, images: tf.Tensor, noise: float, activity_l1: float, seed: tf.Tensor, training: bool
) -> Terms:
    """Means over the batch: `loss` and what it is the sum of.

    A plain autoencoder's `reconstruction_loss` is the mean over pixels; `loss` adds `activity_l1` times the L1 norm
    of the code. A variational one's `reconstruction_loss` is the sum over pixels and joins `kl_loss`: nats an image,
    the negative evidence lower bound.
    """
    noise_seed, code_seed = tf.unstack(tf.random.split(seed, 2))
    inputs = noisy(images, noise, noise_seed) if noise else images
    if autoencoder.variational:
        z_mean, z_log_var = autoencoder.encoder(inputs, training=training)
        code = sample_code(z_mean, z_log_var, code_seed)
    else:
        code = autoencoder.encoder(inputs, training=training)
    bce = pixel_bce(images, autoencoder.decoder(code, training=training))
    terms = {}
    if autoencoder.variational:
        terms["reconstruction_loss"] = tf.reduce_mean(tf.reduce_sum(bce, axis=(1, 2, 3)))
        terms["kl_loss"] = tf.reduce_mean(gaussian_kl(z_mean, z_log_var))
    else:
        terms["reconstruction_loss"] = tf.reduce_mean(bce)
    loss = tf.add_n(list(terms.values()))
    if activity_l1:
        loss += activity_l1 * tf.reduce_sum(tf.abs(code)) / tf.cast(tf.shape(images)[0], code.dtype)
    return {"loss": loss, **terms}
