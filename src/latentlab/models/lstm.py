"""Sequence-to-sequence autoencoder: an image's rows are the time steps (Building Autoencoders in Keras, 2016)."""

from latentlab.config.settings import Settings, Size
from latentlab.networks.autoencoder import Autoencoder


class Options(Settings):
    """`units` of the code."""

    units: Size = 32


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> (units,), decoder back.

    Rows are read from the last to the first, so that what the decoder has to write first was read last (Srivastava
    et al. 2015, arXiv:1502.04681, section 2.1, has it the other way round). The decoder's cell output goes through
    a sigmoid in place of tanh, which keeps pixels in (0, 1).
    """
    import keras
    from keras import layers

    height, width, channels = image_shape
    images = x = keras.Input(image_shape, name="images")
    x = layers.Reshape((height, width * channels), name="rows")(x)  # (N, H, WC)
    x = layers.LSTM(options.units, go_backwards=True, name="lstm")(x)  # (N, units)
    encoder = keras.Model(images, x, name="encoder")

    code = x = keras.Input((options.units,), name="code")
    x = layers.RepeatVector(height, name="repeat")(x)  # (N, H, units)
    x = layers.LSTM(width * channels, activation="sigmoid", return_sequences=True, name="lstm")(x)  # (N, H, WC)
    x = layers.Reshape(image_shape, name="image")(x)  # (N, H, W, C)
    return Autoencoder(encoder, keras.Model(code, x, name="decoder"), xla=True, shared_batches=True)
