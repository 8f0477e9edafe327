"""A small convolutional classifier, by whose features images are compared."""

import keras
from keras import layers

from latentlab.networks.layers import activated

FEATURES = 64
FILTERS = (16, 24, 32)  # of the first convolution, the second, and all others
SIDE = 4  # places that are left at most in each direction


def build(image_shape: tuple[int, ...], classes: int) -> keras.Model:
    """A model of images (N, H, W, C) in [0, 1] with two outputs: features (N, 64), at least 0, and logits (N, classes).

    A convolution of stride 2, then others with max pooling until 4 x 4 places or fewer are left: about 45,000 weights
    for grey images of 28x28, few more for larger ones. Weights come from Keras' global seed.
    """
    images = keras.Input(image_shape, name="images")
    x = activated(images, layers.Conv2D(FILTERS[0], 5, strides=2, padding="same", name="conv1"), batch_norm=False)
    number = 1
    while max(x.shape[1:3]) > SIDE:
        number += 1
        filters = FILTERS[min(number, len(FILTERS)) - 1]
        x = activated(x, layers.Conv2D(filters, 3, padding="same", name=f"conv{number}"), batch_norm=False)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(x)  # (N, h/2, w/2, filters)
    x = layers.Flatten(name="flatten")(x)
    features = activated(x, layers.Dense(FEATURES, name="features"), batch_norm=False)  # (N, 64)
    return keras.Model(images, [features, layers.Dense(classes, name="logits")(features)], name="classifier")
