"""The large convolutional variational autoencoder of the first Keras examples ("variational_autoencoder_deconv")."""

import math

from latentlab.config.settings import Settings, Size, Weight
from latentlab.networks.autoencoder import Autoencoder


class Options(Settings):
    """`filters` of all inner convolutions, `units` of the dense layer on each side of a code of `latent_dim`.

    `beta` weighs the KL divergence in the loss (Higgins et al. 2017, beta-VAE).
    """

    filters: Size = 64
    units: Size = 128
    latent_dim: Size = 2
    beta: Weight = 1.0


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> [z_mean, z_log_var], each (latent_dim,); decoder back."""
    import keras
    from keras import layers

    from latentlab.networks.layers import gaussian_code, to_image

    def conv(filters: int, size: int, strides: int, number: int) -> layers.Layer:
        return layers.Conv2D(filters, size, strides, "same", activation="relu", name=f"conv{number}")

    def deconv(size: int, strides: int, padding: str, number: int) -> layers.Layer:
        return layers.Conv2DTranspose(
            options.filters, size, strides, padding, activation="relu", name=f"deconv{number}"
        )

    images = keras.Input(image_shape, name="images")
    x = conv(image_shape[2], 2, 1, 1)(images)  # (N, H, W, C)
    x = conv(options.filters, 2, 2, 2)(x)  # (N, H/2, W/2, filters)
    x = conv(options.filters, 3, 1, 3)(x)
    x = conv(options.filters, 3, 1, 4)(x)
    maps = x.shape[1:]
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(options.units, activation="relu", name="dense")(x)  # (N, units)
    encoder = keras.Model(images, gaussian_code(x, options.latent_dim), name="encoder")

    code = keras.Input((options.latent_dim,), name="code")
    x = layers.Dense(options.units, activation="relu", name="dense")(code)
    x = layers.Dense(math.prod(maps), activation="relu", name="expand")(x)
    x = layers.Reshape(maps, name="maps")(x)  # (N, H/2, W/2, filters)
    x = deconv(3, 1, "same", 1)(x)
    x = deconv(3, 1, "same", 2)(x)
    x = deconv(3, 2, "valid", 3)(x)  # (N, H+1, W+1, filters)
    x = layers.Conv2D(image_shape[2], 2, name="pixels")(x)  # (N, H, W, C), one more if odd
    return Autoencoder(encoder, keras.Model(code, to_image(x, image_shape), name="decoder"), beta=options.beta)
