"""Principal components as an autoencoder: the best linear one by squared error (Bourlard and Kamp 1988)."""

import math
from typing import TYPE_CHECKING

from latentlab.config.settings import Settings, Size
from latentlab.networks.autoencoder import Autoencoder

if TYPE_CHECKING:
    from latentlab.storage.memory import Array

LIBRARIES = ("scikit-learn", "scipy")  # beside those of every training
EXACT = 4000  # the time of an exact solution grows with the third power of the lesser of images and pixels


class Options(Settings):
    """`units`: so many components."""

    units: Size = 32


def build(options: Options, image_shape: tuple[int, int, int]) -> Autoencoder:
    """Encoder (H, W, C) -> (units,); decoder back, cut off at 0 and 1."""
    import keras
    from keras import layers

    images = keras.Input(image_shape, name="images")  # (N, H, W, C)
    x = layers.Flatten(name="flatten")(images)  # (N, HWC)
    encoder = keras.Model(images, layers.Dense(options.units, name="components")(x), name="encoder")  # (N, units)

    code = keras.Input((options.units,), name="code")
    x = layers.Dense(math.prod(image_shape), name="pixels")(code)  # (N, HWC)
    x = layers.Reshape(image_shape, name="reshape")(x)
    decoder = keras.Model(code, layers.ReLU(max_value=1.0, name="image")(x), name="decoder")  # (N, H, W, C)
    return Autoencoder(encoder, decoder)


def solve(autoencoder: Autoencoder, images: "Array") -> None:
    """Set the weights to the principal components of `images` (N, H, W, C) uint8. Raises `ValueError`."""
    import numpy as np
    from sklearn.decomposition import PCA

    (units,) = autoencoder.latent_shape
    x = images.reshape(len(images), -1) / np.float32(255)  # (N, HWC)
    if units > min(x.shape):
        count, pixels = x.shape
        raise ValueError(
            f"units: found {units}, allowed: at most {min(x.shape)}, for {count} images of {pixels} pixels"
        )
    with np.errstate(invalid="ignore"):  # images that are all the same have no variance to have a share of
        found = PCA(units, svd_solver=_solver(*x.shape), random_state=0).fit(x.astype(np.float64))
    axes, mean = found.components_, found.mean_  # (units, HWC), (HWC,)
    autoencoder.encoder.set_weights([axes.T, -axes @ mean])
    autoencoder.decoder.set_weights([axes, mean])


def _solver(count: int, pixels: int) -> str:
    """The way that takes seconds: exact where images or pixels are few, else by random projections."""
    if pixels <= min(count, EXACT):
        return "covariance_eigh"
    return "full" if count <= EXACT else "randomized"
