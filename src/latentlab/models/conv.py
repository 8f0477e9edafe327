"""Convolutional autoencoder with max pooling, mirrored by upsampling (Building Autoencoders in Keras, 2016)."""

from typing import TYPE_CHECKING

from latentlab.config.settings import Settings, Sizes
from latentlab.networks.autoencoder import Autoencoder

if TYPE_CHECKING:
    import keras


class Options(Settings):
    """`filters` of the encoder's 3x3 convolutions, each followed by pooling that halves the image."""

    filters: Sizes = (16, 8, 8)
    batch_norm: bool = False
    bias: bool = True


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> (h, w, filters[-1]), each side halved and rounded up at every pooling; decoder back."""
    import keras

    encoder, sizes = _encoder(options, image_shape)
    code = keras.Input(encoder.output.shape[1:], name="code")  # (N, h, w, filters[-1])
    images = _decode(code, options, image_shape, sizes)
    return Autoencoder(encoder, keras.Model(code, images, name="decoder"))


def _encoder(options: Options, image_shape: tuple[int, int, int]) -> "tuple[keras.Model, list[tuple[int, int]]]":
    """The encoder, and the image's size before each of its poolings."""
    import keras
    from keras import layers

    from latentlab.networks.layers import activated

    images = x = keras.Input(image_shape, name="images")
    sizes = []
    for number, filters in enumerate(options.filters, 1):
        sizes.append(x.shape[1:3])
        conv = layers.Conv2D(filters, 3, padding="same", use_bias=options.bias, name=f"conv{number}")
        x = activated(x, conv, options.batch_norm)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(x)  # (N, h/2, w/2, filters)
    return keras.Model(images, x, name="encoder"), sizes


def _decode(
    x: "keras.KerasTensor", options: Options, image_shape: tuple[int, int, int], sizes: list[tuple[int, int]]
) -> "keras.KerasTensor":
    """Back from the code, a convolution and an upsampling at a time, to the `sizes` before pooling.

    Where rounding up at the poolings has made the image larger than it was, an unpadded convolution takes the two
    rows and columns back, as in the published nets: 4, 8, 16 -> 14, 28. What still is too much is cropped.
    """
    from keras import layers

    from latentlab.networks.layers import activated, to_image

    for number, (filters, size) in enumerate(zip(reversed(options.filters), reversed(sizes), strict=True), 1):
        wanted = [-(-side // 2) for side in size]  # the size after the encoder's pooling
        spare = all(side - 2 >= least for side, least in zip(x.shape[1:3], wanted, strict=True))
        padding = "valid" if spare else "same"
        conv = layers.Conv2D(filters, 3, padding=padding, use_bias=options.bias, name=f"conv{number}")
        x = activated(x, conv, options.batch_norm)
        x = layers.UpSampling2D(2, name=f"upsample{number}")(x)  # (N, 2h, 2w, filters)
    # bfloat16 would round the logits and cost accuracy
    pixels = layers.Conv2D(image_shape[2], 3, padding="same", use_bias=options.bias, name="pixels", dtype="float32")
    return to_image(pixels(x), image_shape)
