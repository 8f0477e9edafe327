"""The image itself as its code, for classifiers and retrieval: it reconstructs and generates nothing."""

import math
from typing import TYPE_CHECKING

from latentlab.config.settings import Settings
from latentlab.networks.autoencoder import Autoencoder

if TYPE_CHECKING:
    from latentlab.storage.memory import Array


class Options(Settings):
    """None."""


def build(_: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> (HWC,); decoder back."""
    import keras
    from keras import layers

    images = keras.Input(image_shape, name="images")
    encoder = keras.Model(images, layers.Flatten(name="flatten")(images), name="encoder")  # (N, HWC)
    code = keras.Input((math.prod(image_shape),), name="code")
    decoder = keras.Model(code, layers.Reshape(image_shape, name="image")(code), name="decoder")  # (N, H, W, C)
    return Autoencoder(encoder, decoder)


def solve(autoencoder: Autoencoder, images: "Array") -> None:
    """There is nothing to find."""
