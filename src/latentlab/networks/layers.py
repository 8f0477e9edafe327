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


def to_image(x: keras.KerasTensor, image_shape: tuple[int, int, int]) -> keras.KerasTensor:
    """Logits (N, >=H, >=W, C) cut at the bottom and at the right to the image's size, then the sigmoid."""
    rows, columns = x.shape[1] - image_shape[0], x.shape[2] - image_shape[1]
    if rows or columns:
        x = layers.Cropping2D(((0, rows), (0, columns)), name="crop")(x)  # (N, H, W, C)
    return layers.Activation("sigmoid", name="image")(x)


def dense_to_image(x: keras.KerasTensor, image_shape: tuple[int, int, int]) -> keras.KerasTensor:
    """A dense layer from features (N, D) to images (N, H, W, C) in (0, 1)."""
    x = layers.Dense(math.prod(image_shape), name="pixels")(x)  # (N, HWC)
    return to_image(layers.Reshape(image_shape, name="reshape")(x), image_shape)


def gaussian_code(x: keras.KerasTensor, latent_dim: int) -> list[keras.KerasTensor]:
    """Mean and log-variance of a Gaussian code, each (N, latent_dim), from features (N, D)."""
    return [layers.Dense(latent_dim, name=name)(x) for name in ("z_mean", "z_log_var")]
