"""Faster layers with the same weights: what a model computes while it trains.

Saved models hold built-in Keras layers alone. Training replaces some of them, or pairs of them, by layers that share
their weights, compute the same up to rounding, and take less time on a CPU.
"""

from typing import Any

import keras
import tensorflow as tf

from latentlab.networks.normalization import PortableNormalization, portable
from latentlab.training.scanned_lstm import ScannedLSTM, scans

WIDE = 16  # input channels from which merging with an upsampling gains anything (measured: 8 are too few)
NARROW = 4  # filters up to which a convolution to subpixels is faster than a transposed one


def faster(model: keras.Model) -> keras.Model:
    """A model with the same inputs, outputs and weights; a final sigmoid is left out: it then gives logits."""
    before: dict[int, tuple[keras.layers.Layer, keras.KerasTensor]] = {}  # a tensor: the layer it is from, its input
    end = model.outputs[0] if ends_in_sigmoid(model) else None

    def call(layer: keras.layers.Layer, x: keras.KerasTensor, **options: Any) -> keras.KerasTensor:
        previous, source = before.get(id(x), (None, x))
        if end is not None and layer is model.layers[-1]:
            y = keras.layers.Identity()(x)
        elif isinstance(previous, keras.layers.UpSampling2D) and _merges(previous, layer):
            y = UpsampledConvolution(layer)(source)
        elif isinstance(previous, keras.layers.ReLU) and isinstance(layer, keras.layers.MaxPooling2D):
            y = previous(layer(source))  # maxima first: a quarter of the values is left for ReLU
        elif scans(layer) and isinstance(previous, keras.layers.RepeatVector):
            y = ScannedLSTM(layer, previous.n)(source)
        elif scans(layer):
            y = ScannedLSTM(layer)(x)
        elif not portable(layer):
            y = PortableNormalization(layer)(x)
        else:
            y = layer(x, **options)
        before[id(y)] = (layer, x)
        kept.append(y)
        return y

    kept: list[keras.KerasTensor] = []  # an id is that of one tensor for as long as the tensor lives
    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def ends_in_sigmoid(model: keras.Model) -> bool:
    """Whether the model's last layer is a sigmoid and nothing else."""
    last = model.layers[-1]
    return isinstance(last, keras.layers.Activation) and last.activation is keras.activations.sigmoid


def _merges(upsampling: keras.layers.UpSampling2D, layer: keras.layers.Layer) -> bool:
    return (
        isinstance(layer, keras.layers.Conv2D)
        and not isinstance(layer, keras.layers.Conv2DTranspose)
        and (layer.kernel_size, layer.strides, layer.dilation_rate) == ((3, 3), (1, 1), (1, 1))
        and (layer.groups, layer.padding, layer.data_format) == (1, "same", "channels_last")
        and (upsampling.size, upsampling.interpolation) == ((2, 2), "nearest")
        and layer.kernel.shape[2] >= WIDE
    )


class UpsampledConvolution(keras.layers.Layer):  # type: ignore[misc]
    """`UpSampling2D(2)` and a 3x3 `Conv2D` with padding as one convolution over the small image.

    Upsampling is linear too, so a kernel of its own gives the pair's result without the enlarged tensor.
    """

    def __init__(self, conv: keras.layers.Conv2D) -> None:
        super().__init__(dtype=conv.dtype_policy)
        self.conv = conv

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, h, w, C) to (N, 2h, 2w, filters)."""
        kernel = tf.convert_to_tensor(self.conv.kernel)  # (3, 3, C, filters)
        y = _transposed(x, kernel) if self.conv.filters > NARROW else _subpixel(x, kernel)
        y = tf.ensure_shape(y, [None, 2 * x.shape[1], 2 * x.shape[2], self.conv.filters])
        if self.conv.use_bias:
            y = tf.nn.bias_add(y, tf.convert_to_tensor(self.conv.bias))
        return self.conv.activation(y)


def _transposed(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A transposed convolution with stride 2: 16 multiplications where upsampling first takes 36.

    Upsampling is itself one, of a 2x2 kernel of ones, and two in a row are one of the kernels' convolution, 4x4.
    """
    corners = [tf.pad(kernel, [[i, 1 - i], [j, 1 - j], [0, 0], [0, 0]]) for i in (0, 1) for j in (0, 1)]
    wide = tf.transpose(tf.reverse(tf.add_n(corners), [0, 1]), [0, 1, 3, 2])  # (4, 4, filters, C)
    shape = [tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[3]]
    return tf.nn.conv2d_transpose(x, wide, shape, 2, "SAME")


def _subpixel(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The four pixels that come of one as four groups of filters (Shi et al. 2016, arXiv:1609.05158)."""
    # taps[a, i, t]: whether tap t of the 3x3 kernel falls on pixel i - 1 from the one that output a of 2 comes of
    taps = tf.constant([[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]], kernel.dtype)
    phases = tf.einsum("ait,bju,tucf->ijcabf", taps, taps, kernel)
    phases = tf.reshape(phases, [3, 3, kernel.shape[2], 4 * kernel.shape[3]])  # (3, 3, C, 4 filters)
    return tf.nn.depth_to_space(tf.nn.conv2d(x, phases, 1, "SAME"), 2)
