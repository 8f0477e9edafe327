"""How the classifier learns: by Keras' own loop, fast enough for one small net a study."""

import keras
import tensorflow as tf

from latentlab.storage.memory import Array

LEARNING_RATE = 0.003  # at first; it falls to 0 along a cosine


def fit(classifier: keras.Model, images: Array, classes: Array, epochs: int, batch_size: int) -> None:
    """Train on all images (N, H, W, C) uint8 of classes (N,), whole numbers from 0 on, in another order each epoch.

    `classifier` is as `networks/classifier.py` builds it. Orders come from Keras' global seed.
    """
    pixels = keras.Input(images.shape[1:], dtype="uint8")  # scaled batch by batch: no float copy of all images
    _, logits = classifier(keras.layers.Rescaling(1 / 255)(pixels))
    trained = keras.Model(pixels, logits)
    steps = epochs * -(-len(images) // batch_size)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    trained.compile(optimizer, cross_entropy, jit_compile=False)  # XLA is no faster with convolutions
    trained.fit(images, classes, batch_size, epochs, verbose=0)


# by XLA: TensorFlow's own softmax may take reciprocals from a table of the CPU's maker's
@tf.function(jit_compile=True, autograph=False)
def cross_entropy(classes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood in nats, (N,), of classes (N,) or (N, 1) by logits (N, classes)."""
    wanted = tf.one_hot(tf.reshape(tf.cast(classes, tf.int32), [-1]), logits.shape[1])  # (N, classes)
    return tf.reduce_logsumexp(logits, axis=1) - tf.reduce_sum(wanted * logits, axis=1)
