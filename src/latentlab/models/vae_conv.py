"""Variational autoencoder of strided convolutions, the decoder of transposed ones (Keras example "vae", 2020)."""

import math

from latentlab.config.settings import Settings, Size, Sizes, Weight
from latentlab.networks.autoencoder import Autoencoder


class Options(Settings):
    """`filters` of the 3x3 convolutions with stride 2, then a dense layer of `units`, then a code of `latent_dim`.

    `beta` weighs the KL divergence in the loss (Higgins et al. 2017, beta-VAE).
    """

    filters: Sizes = (32, 64)
    units: Size = 16
    latent_dim: Size = 2
    batch_norm: bool = False
    beta: Weight = 1.0


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> [z_mean, z_log_var], each (latent_dim,); decoder back."""
    import keras
    from keras import layers

    from latentlab.networks.layers import activated, gaussian_code, to_image

    images = x = keras.Input(image_shape, name="images")
    for number, filters in enumerate(options.filters, 1):
        conv = layers.Conv2D(filters, 3, strides=2, padding="same", name=f"conv{number}")
        x = activated(x, conv, options.batch_norm)  # (N, h/2, w/2, filters)
    maps = x.shape[1:]
    x = layers.Flatten(name="flatten")(x)
    x = activated(x, layers.Dense(options.units, name="dense"), options.batch_norm)  # (N, units)
    encoder = keras.Model(images, gaussian_code(x, options.latent_dim), name="encoder")

    code = keras.Input((options.latent_dim,), name="code")
    x = activated(code, layers.Dense(math.prod(maps), name="dense"), batch_norm=False)
    x = layers.Reshape(maps, name="maps")(x)  # (N, h, w, filters[-1])
    for number, filters in enumerate(reversed(options.filters), 1):
        conv = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", name=f"conv{number}")
        x = activated(x, conv, options.batch_norm)  # (N, 2h, 2w, filters)
    x = layers.Conv2DTranspose(image_shape[2], 3, padding="same", name="pixels")(x)
    return Autoencoder(encoder, keras.Model(code, to_image(x, image_shape), name="decoder"), beta=options.beta)
