"""Faster layers with the same weights: what a model computes while it trains.

Saved models hold built-in Keras layers alone. Training replaces some of them, or pairs of them, by layers that share
their weights, compute the same up to rounding, and take less time on a CPU.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

WIDE = 16  # input channels from which merging with an upsampling gains anything (measured: 8 are too few)
NARROW = 4  # filters up to which a convolution to subpixels is faster than a transposed one

# an activation, and its derivative as a function of its value
DERIVATIVES: dict[Callable[[Any], Any], Callable[[tf.Tensor], tf.Tensor]] = {
    keras.activations.tanh: lambda y: 1 - y * y,
    keras.activations.sigmoid: lambda y: y * (1 - y),
}


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
        elif _scans(layer):
            y = ScannedLSTM(layer)(x)
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


def _scans(layer: keras.layers.Layer) -> bool:
    return (
        isinstance(layer, keras.layers.LSTM)
        and layer.use_bias
        and layer.activation in DERIVATIVES
        and layer.recurrent_activation is keras.activations.sigmoid
        and not (layer.stateful or layer.return_state or layer.dropout or layer.recurrent_dropout)
    )


class ScannedLSTM(keras.layers.Layer):  # type: ignore[misc]
    """An `LSTM` for XLA: one product for the inputs of all time steps, and a gradient that does the same.

    Only what depends on the previous time step is left in the two loops. Equations: Hochreiter and Schmidhuber 1997
    with the forget gate of Gers et al. 2000, as Keras has them.
    """

    def __init__(self, lstm: keras.layers.LSTM) -> None:
        super().__init__(dtype=lstm.dtype_policy)
        self.lstm = lstm

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, T, D) to (N, units), or to (N, T, units) with `return_sequences`."""
        cell = self.lstm.cell
        kernel, recurrent, bias = map(tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel, cell.bias))
        inputs = tf.transpose(tf.tensordot(x, kernel, 1) + bias, [1, 0, 2])  # (T, N, 4 units)
        if self.lstm.go_backwards:
            inputs = tf.reverse(inputs, [0])
        outputs = _scan(inputs, recurrent, self.lstm.activation)  # (T, N, units)
        return tf.transpose(outputs, [1, 0, 2]) if self.lstm.return_sequences else outputs[-1]


def _scan(inputs: tf.Tensor, recurrent: tf.Tensor, activation: Callable[[Any], Any]) -> tf.Tensor:
    """Outputs (T, N, U) of an LSTM from the gates' inputs (T, N, 4U) and the recurrent kernel (U, 4U)."""

    @tf.custom_gradient
    def scan(inputs: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        gates, cells, outputs = _forward(inputs, recurrent, activation)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            by_inputs = _backward(upstream, gates, cells, recurrent, activation)  # (T, N, 4U)
            by_recurrent = tf.einsum("tnu,tng->ug", outputs[:-1], by_inputs[1:])
            return [by_inputs, by_recurrent]

        return outputs, gradient

    return scan(inputs, recurrent)


def _forward(
    inputs: tf.Tensor, recurrent: tf.Tensor, activation: Callable[[Any], Any]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Gates (T, N, 4U), cell states and outputs (T, N, U)."""
    steps, units = inputs.shape[0], recurrent.shape[0]

    def body(t: tf.Tensor, c: tf.Tensor, h: tf.Tensor, gates: Any, cells: Any, outputs: Any) -> tuple[Any, ...]:
        i, f, g, o = tf.split(inputs[t] + h @ recurrent, 4, 1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), activation(g), tf.sigmoid(o)
        c = f * c + i * g
        h = o * activation(c)
        return t + 1, c, h, gates.write(t, tf.concat([i, f, g, o], 1)), cells.write(t, c), outputs.write(t, h)

    zeros = tf.zeros([tf.shape(inputs)[1], units], inputs.dtype)
    arrays = [tf.TensorArray(inputs.dtype, steps, element_shape=[inputs.shape[1], k * units]) for k in (4, 1, 1)]
    state = (tf.constant(0), zeros, zeros, *arrays)
    *_, gates, cells, outputs = tf.while_loop(lambda t, *_: t < steps, body, state, maximum_iterations=steps)
    return gates.stack(), cells.stack(), outputs.stack()


def _backward(
    upstream: tf.Tensor, gates: tf.Tensor, cells: tf.Tensor, recurrent: tf.Tensor, activation: Callable[[Any], Any]
) -> tf.Tensor:
    """Gradient by the gates' inputs (T, N, 4U) from that by the outputs (T, N, U)."""
    steps, units = gates.shape[0], recurrent.shape[0]
    slope = DERIVATIVES[activation]
    transposed = tf.transpose(recurrent)
    zeros = tf.zeros([tf.shape(gates)[1], units], gates.dtype)

    def body(k: tf.Tensor, by_c: tf.Tensor, by_h: tf.Tensor, collected: Any) -> tuple[Any, ...]:
        t = steps - 1 - k
        i, f, g, o = tf.split(gates[t], 4, 1)
        c = activation(cells[t])
        c_before = tf.where(t > 0, cells[tf.maximum(t - 1, 0)], zeros)
        by_h += upstream[t]
        by_c += by_h * o * slope(c)
        by_input = tf.concat(
            [by_c * g * i * (1 - i), by_c * c_before * f * (1 - f), by_c * i * slope(g), by_h * c * o * (1 - o)], 1
        )
        return k + 1, by_c * f, by_input @ transposed, collected.write(t, by_input)

    array = tf.TensorArray(gates.dtype, steps, element_shape=[gates.shape[1], 4 * units])
    state = (tf.constant(0), zeros, zeros, array)
    *_, collected = tf.while_loop(lambda k, *_: k < steps, body, state, maximum_iterations=steps)
    return collected.stack()
