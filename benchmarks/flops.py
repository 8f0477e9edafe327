"""Floating point operations of one training step, counted from the layers' shapes.

A multiplication with an addition counts as two. Only matrix products and convolutions count, as the layers define
them: padding included, activations, losses, random numbers and the optimizer's update left out.
"""

from math import prod

import keras

from latentlab.networks.autoencoder import Autoencoder


def training(autoencoder: Autoencoder) -> int:
    """Forward and backward, for one image.

    The gradients by the weights and by the inputs each cost as much as the forward pass; the images, which are the
    first layer's inputs, need none.
    """
    total, images = 0, True
    for layer in [*autoencoder.encoder.layers, *autoencoder.decoder.layers]:
        by_input, by_state = forward(layer)
        total += (2 if images else 3) * by_input + 3 * by_state
        images = images and not layer.weights
    return total


def forward(layer: keras.layers.Layer) -> tuple[int, int]:
    """The layer's products with its input and, if it is recurrent, with its own state, for one image.

    Raises `TypeError` for a layer with a kernel that it cannot count.
    """
    if isinstance(layer, keras.layers.Dense):
        return 2 * prod(layer.output.shape[1:]) * layer.kernel.shape[0], 0
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return 2 * prod(layer.input.shape[1:3]) * prod(layer.kernel.shape), 0
    if isinstance(layer, keras.layers.Conv2D):
        return 2 * prod(layer.output.shape[1:3]) * prod(layer.kernel.shape), 0
    if isinstance(layer, keras.layers.LSTM):
        steps = layer.input.shape[1]
        return 2 * steps * prod(layer.cell.kernel.shape), 2 * steps * prod(layer.cell.recurrent_kernel.shape)
    if layer.weights and not isinstance(layer, keras.layers.BatchNormalization):
        raise TypeError(f"layer {layer.name}: cannot count the operations of {type(layer).__name__}")
    return 0, 0
