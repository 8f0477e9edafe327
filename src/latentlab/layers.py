"""Pieces that several architectures share, on symbolic Keras tensors."""

import math

import keras
from keras import layers


def activated(x: keras.KerasTensor, layer: layers.Layer, batch_norm: bool) -> keras.KerasTensor:
    """`layer`, batch normalisation on request, ReLU."""
    x = layer(x)
    if batch_norm:
        x = layers.BatchNormalization(name=f"{layer.name}_norm")(x)
    return layers.ReLU(name=f"{layer.name}_relu")(x)


def cropped(x: keras.KerasTensor, image_shape: tuple[int, int, int]) -> keras.KerasTensor:
    """Cut rows at the bottom and columns at the right until `x` has the image's size."""
    rows, columns = x.shape[1] - image_shape[0], x.shape[2] - image_shape[1]
    if rows == columns == 0:
        return x
    return layers.Cropping2D(((0, rows), (0, columns)), name="crop")(x)


def to_pixels(x: keras.KerasTensor, image_shape: tuple[int, int, int]) -> keras.KerasTensor:
    """A dense layer from features (N, D) to images (N, H, W, C) in (0, 1)."""
    x = layers.Dense(math.prod(image_shape), activation="sigmoid", name="pixels")(x)  # (N, HWC)
    return layers.Reshape(image_shape, name="image")(x)  # (N, H, W, C)


def gaussian_code(x: keras.KerasTensor, latent_dim: int) -> list[keras.KerasTensor]:
    """Mean and log-variance of a Gaussian code, each (N, latent_dim), from features (N, D)."""
    return [layers.Dense(latent_dim, name=name)(x) for name in ("z_mean", "z_log_var")]
