"""Keras' fit with its defaults, as tutorials write it: float32 images in memory, noise drawn beforehand."""

from benchmarks.ways import Prepared, keras_models
from latentlab.config.variants import Variant
from latentlab.storage.memory import Array


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """The net with recurrent layers in a loop, Keras' default, compiled without any option."""
    keras_models.start(threads)
    model = keras_models.compiled(variant, images.shape[1:], unroll=False)
    inputs, targets = keras_models.arrays(model, images, variant.training.noise)

    def epoch() -> None:
        # no progress bar: in a terminal it would cost more than some of the steps
        model.fit(inputs, targets, batch_size=variant.training.batch_size, verbose=0)

    return Prepared(keras_models.parameters(model), epoch)
