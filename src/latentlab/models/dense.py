"""Fully connected autoencoder: 784-32-784, or deeper (Building Autoencoders in Keras, 2016)."""

from latentlab.config.settings import Settings, Sizes
from latentlab.networks.autoencoder import Autoencoder


class Options(Settings):
    """`units` of the encoder's layers, the code last; the decoder mirrors them."""

    units: Sizes = (32,)
    batch_norm: bool = False
    bias: bool = True


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> (units[-1],), decoder back."""
    import keras
    from keras import layers

    from latentlab.networks.layers import activated, dense_to_image

    images = x = keras.Input(image_shape, name="images")  # (N, H, W, C)
    x = layers.Flatten(name="flatten")(x)  # (N, HWC)
    for number, units in enumerate(options.units, 1):
        x = activated(x, layers.Dense(units, use_bias=options.bias, name=f"dense{number}"), options.batch_norm)
    encoder = keras.Model(images, x, name="encoder")  # (N, units[-1])

    code = x = keras.Input((options.units[-1],), name="code")
    for number, units in enumerate(reversed(options.units[:-1]), 1):
        x = activated(x, layers.Dense(units, use_bias=options.bias, name=f"dense{number}"), options.batch_norm)
    decoder = keras.Model(code, dense_to_image(x, image_shape), name="decoder")  # (N, H, W, C)
    return Autoencoder(encoder, decoder, xla=True)
