"""The classifier's net: of moderate size whatever the images, plain Keras."""

import numpy as np
import pytest

from latentlab.networks.apply import outputs
from latentlab.numerics.tensorflow import start_tensorflow

start_tensorflow(seed=42, threads=1)
from latentlab.networks.classifier import FEATURES, build  # noqa: E402


@pytest.mark.parametrize(
    ("image_shape", "parameters"),
    [
        ((28, 28, 1), 44_322),
        ((32, 32, 3), 45_122),
        ((48, 64, 3), 46_178),
        ((256, 256, 3), 72_866),
        ((8, 8, 1), 17_514),
        ((1, 2, 1), 2_154),
    ],
)
def test_a_net_for_every_size(image_shape: tuple[int, int, int], parameters: int, rng: np.random.Generator) -> None:
    classifier = build(image_shape, 10)
    assert classifier.count_params() == parameters
    images = rng.integers(0, 256, (3, *image_shape)).astype(np.uint8)
    features, logits = outputs(classifier, images)
    assert features.shape == (3, FEATURES)
    assert features.min() == 0 < features.max()
    assert logits.shape == (3, 10)
    np.testing.assert_array_equal(outputs(classifier, images / np.float32(255))[0], features)
