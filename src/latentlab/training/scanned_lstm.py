"""An LSTM for XLA on a CPU: in the loops over time only what depends on the step before.

Equations: Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, as Keras has them.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# an activation, and its derivative as a function of its value
DERIVATIVES: dict[Callable[[Any], Any], Callable[[tf.Tensor], tf.Tensor]] = {
    keras.activations.tanh: lambda y: 1 - y * y,
    keras.activations.sigmoid: lambda y: y * (1 - y),
}


def scans(layer: keras.layers.Layer) -> bool:
    """Whether a layer is an LSTM that `ScannedLSTM` can stand in for."""
    return (
        isinstance(layer, keras.layers.LSTM)
        and layer.use_bias
        and layer.activation in DERIVATIVES
        and layer.recurrent_activation is keras.activations.sigmoid
        and not (layer.stateful or layer.return_state or layer.dropout or layer.recurrent_dropout)
    )


class ScannedLSTM(keras.layers.Layer):  # type: ignore[misc]
    """The same as an `LSTM`, whose weights it shares; with `repeats` also the same as a `RepeatVector` before it."""

    def __init__(self, lstm: keras.layers.LSTM, repeats: int = 0) -> None:
        super().__init__(dtype=lstm.dtype_policy)
        self.lstm = lstm
        self.repeats = repeats

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, T, D), or (N, D) with `repeats`, to (N, units), or to (N, T, units) with `return_sequences`."""
        cell = self.lstm.cell
        kernel, recurrent, bias = map(tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel, cell.bias))
        steps = self.repeats or x.shape[1]
        inputs = tf.tensordot(x, kernel, 1) + bias  # (N, T, 4U) or (N, 4U)
        inputs = inputs[None] if self.repeats else tf.transpose(inputs, [1, 0, 2])  # (T or 1, N, 4U)
        if self.lstm.go_backwards:
            inputs = tf.reverse(inputs, [0])
        outputs = _scan(inputs, recurrent, self.lstm.activation, steps)  # (T, N, U)
        return tf.transpose(outputs, [1, 0, 2]) if self.lstm.return_sequences else outputs[-1]


def _scan(inputs: tf.Tensor, recurrent: tf.Tensor, activation: Callable[[Any], Any], steps: int) -> tf.Tensor:
    """Outputs (T, N, U), from the inputs' part of the gates (T or 1, N, 4U) and the recurrent kernel (U, 4U)."""

    @tf.custom_gradient
    def scan(inputs: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        gates, cells = _forward(inputs, recurrent, activation, steps)
        outputs = tf.split(gates, 4, 2)[3] * activation(cells)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            by_gates = _backward(upstream, gates, cells, recurrent, activation)  # (T, N, 4U)
            by_recurrent = tf.einsum("tnu,tng->ug", outputs[:-1], by_gates[1:])
            by_inputs = by_gates if inputs.shape[0] > 1 else tf.reduce_sum(by_gates, axis=0, keepdims=True)
            return [by_inputs, by_recurrent]

        return outputs, gradient

    return scan(inputs, recurrent)


def _forward(
    inputs: tf.Tensor, recurrent: tf.Tensor, activation: Callable[[Any], Any], steps: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gates (T, N, 4U) in Keras' order, which is input, forget, cell, output, and cell states (T, N, U)."""
    units = recurrent.shape[0]
    # one function for all gates: the sigmoid of x is tanh(x / 2) / 2 + 1 / 2
    by_tanh = activation is keras.activations.tanh
    halves = tf.repeat(tf.constant([0.5, 0.5, 1.0 if by_tanh else 0.5, 0.5], inputs.dtype), units)  # (4U,)
    shift = tf.repeat(tf.constant([0.5, 0.5, 0.0 if by_tanh else 0.5, 0.5], inputs.dtype), units)

    def body(t: tf.Tensor, c: tf.Tensor, h: tf.Tensor, gates: Any, cells: Any) -> tuple[Any, ...]:
        x = inputs[t if inputs.shape[0] > 1 else 0] + h @ recurrent  # (N, 4U)
        gate = tf.tanh(x * halves) * halves + shift
        i, f, g, o = tf.split(gate, 4, 1)
        c = f * c + i * g
        return t + 1, c, o * activation(c), gates.write(t, gate), cells.write(t, c)

    zeros = tf.zeros([tf.shape(inputs)[1], units], inputs.dtype)
    arrays = [tf.TensorArray(inputs.dtype, steps, element_shape=[inputs.shape[1], k * units]) for k in (4, 1)]
    state = (tf.constant(0), zeros, zeros, *arrays)
    *_, gates, cells = tf.while_loop(lambda t, *_: t < steps, body, state, maximum_iterations=steps)
    return gates.stack(), cells.stack()


def _backward(
    upstream: tf.Tensor, gates: tf.Tensor, cells: tf.Tensor, recurrent: tf.Tensor, activation: Callable[[Any], Any]
) -> tf.Tensor:
    """Gradient by what the gates get, (T, N, 4U), from that by the outputs (T, N, U).

    It is linear in the gradients by cell and output; the factors are computed before the loop.
    """
    steps, units = gates.shape[0], recurrent.shape[0]
    slope = DERIVATIVES[activation]
    i, f, g, o = tf.split(gates, 4, 2)  # (T, N, U) each
    active = activation(cells)
    before = tf.concat([tf.zeros_like(cells[:1]), cells[:-1]], 0)
    factors = tf.concat([g * i * (1 - i), before * f * (1 - f), i * slope(g), active * o * (1 - o)], 2)
    by_output = o * slope(active)
    of_cell = tf.repeat(tf.constant([True, True, True, False]), units)  # (4U,): which gates act through the cell
    transposed = tf.transpose(recurrent)

    def body(k: tf.Tensor, by_c: tf.Tensor, by_h: tf.Tensor, collected: Any) -> tuple[Any, ...]:
        t = steps - 1 - k
        by_h += upstream[t]
        by_c += by_h * by_output[t]
        by_gate = tf.where(of_cell, tf.tile(by_c, [1, 4]), tf.tile(by_h, [1, 4])) * factors[t]  # (N, 4U)
        return k + 1, by_c * f[t], by_gate @ transposed, collected.write(t, by_gate)

    zeros = tf.zeros([tf.shape(gates)[1], units], gates.dtype)
    array = tf.TensorArray(gates.dtype, steps, element_shape=[gates.shape[1], 4 * units])
    state = (tf.constant(0), zeros, zeros, array)
    *_, collected = tf.while_loop(lambda k, *_: k < steps, body, state, maximum_iterations=steps)
    return collected.stack()
