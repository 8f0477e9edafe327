"""Keras' fit with the settings that make it fastest on a CPU."""

from benchmarks.ways import Prepared, keras_models
from latentlab.config.variants import Variant
from latentlab.storage.memory import Array

DENSE = ("dense", "vae")  # XLA makes these nets faster, and convolutions slower


def prepare(variant: Variant, images: Array, threads: int) -> Prepared:
    """Recurrent layers unrolled, 32 steps a call, XLA where it helps, a tf.data pipeline."""
    keras_models.start(threads)
    model = keras_models.compiled(
        variant,
        images.shape[1:],
        unroll=True,
        steps_per_execution=32,
        jit_compile=variant.training.model in DENSE,
    )
    inputs, targets = keras_models.arrays(model, images, variant.training.noise)
    batches = keras_models.pipeline(inputs, targets, variant.training.batch_size)

    def epoch() -> None:
        model.fit(batches, verbose=0)

    return Prepared(keras_models.parameters(model), epoch)
