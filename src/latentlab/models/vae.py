"""Variational autoencoder of dense layers (Kingma and Welling 2014, arXiv:1312.6114)."""

from latentlab.config.settings import Settings, Size, Sizes, Weight
from latentlab.networks.autoencoder import Autoencoder


class Options(Settings):
    """`units` of the encoder's hidden layers, mirrored in the decoder, around a code of `latent_dim`.

    `beta` weighs the KL divergence in the loss (Higgins et al. 2017, beta-VAE).
    """

    units: Sizes = (512,)
    latent_dim: Size = 2
    batch_norm: bool = False
    bias: bool = True
    beta: Weight = 1.0


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> [z_mean, z_log_var], each (latent_dim,); decoder back."""
    import keras
    from keras import layers

    from latentlab.networks.layers import activated, dense_to_image, gaussian_code

    images = x = keras.Input(image_shape, name="images")
    x = layers.Flatten(name="flatten")(x)  # (N, HWC)
    for number, units in enumerate(options.units, 1):
        x = activated(x, layers.Dense(units, use_bias=options.bias, name=f"dense{number}"), options.batch_norm)
    encoder = keras.Model(images, gaussian_code(x, options.latent_dim), name="encoder")

    code = x = keras.Input((options.latent_dim,), name="code")
    for number, units in enumerate(reversed(options.units), 1):
        x = activated(x, layers.Dense(units, use_bias=options.bias, name=f"dense{number}"), options.batch_norm)
    decoder = keras.Model(code, dense_to_image(x, image_shape), name="decoder")
    return Autoencoder(encoder, decoder, xla=True, beta=options.beta)
