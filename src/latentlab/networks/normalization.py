"""Batch normalisation with the same bytes on every CPU."""

import keras
import tensorflow as tf


class PortableNormalization(keras.layers.Layer):  # type: ignore[misc]
    """The same as a `BatchNormalization`, whose variables it shares, but for how it finds 1 / sqrt(variance).

    TensorFlow's reciprocal root is a table of the CPU's maker with a step of Newton's; XLA computes it. Ioffe and
    Szegedy 2015 (arXiv:1502.03167), algorithm 1.
    """

    def __init__(self, layer: keras.layers.BatchNormalization) -> None:
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(N, ..., C) to the same shape."""
        layer, x32 = self.layer, tf.cast(x, tf.float32)
        mean, variance = map(tf.convert_to_tensor, (layer.moving_mean, layer.moving_variance))  # (C,) each
        if training:
            mean, variance = tf.nn.moments(x32, list(range(x.shape.rank - 1)))
            for moving, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                moving.assign(moving * layer.momentum + value * (1.0 - layer.momentum))
        scale = _reciprocal_root(variance + layer.epsilon)
        if layer.scale:
            scale *= tf.convert_to_tensor(layer.gamma)
        shift = (tf.convert_to_tensor(layer.beta) if layer.center else 0.0) - mean * scale
        return tf.cast(x32 * scale + shift, x.dtype)


@tf.function(jit_compile=True, autograph=False)
def _reciprocal_root(x: tf.Tensor) -> tf.Tensor:
    return tf.math.rsqrt(x)


def portable(layer: keras.layers.Layer) -> bool:
    """Whether a layer computes the same on every CPU as it is."""
    return not isinstance(layer, keras.layers.BatchNormalization)


def made_portable(model: keras.Model) -> keras.Model:
    """A model of the same weights that computes the same on every CPU; the model itself if it does."""
    if all(map(portable, model.layers)):
        return model

    def call(layer: keras.layers.Layer, x: keras.KerasTensor, **options: object) -> keras.KerasTensor:
        return layer(x, **options) if portable(layer) else PortableNormalization(layer)(x)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
