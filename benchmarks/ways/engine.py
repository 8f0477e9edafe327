"""The package's own training: one compiled graph an epoch, the same bytes on every x86-64 CPU."""

from itertools import count

from benchmarks.ways import SEED, Prepared
from latentlab.config.params import Precision
from latentlab.config.variants import Variant
from latentlab.numerics.portable import Numerics, set_switches
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.storage.memory import Array


def prepare(
    variant: Variant,
    images: Array,
    threads: int,
    precision: Precision = "float32",
    numerics: Numerics = "portable",
) -> Prepared:
    """The net as studies train it, unless told otherwise."""
    set_switches(numerics)
    tf = start_tensorflow(SEED, threads)
    from latentlab.stages.train import build
    from latentlab.training.epoch import training_epoch
    from latentlab.training.optimizers import build_optimizer
    from latentlab.training.tensors import as_tensor

    autoencoder = build(variant, images.shape[1:], precision)
    steps = -(-len(images) // variant.training.batch_size)
    optimizer = build_optimizer(variant.training, autoencoder.weights, steps)
    run = training_epoch(autoencoder, optimizer, as_tensor(images), variant.training, SEED)
    epochs = count(1)

    def epoch() -> None:
        float(run(tf.constant(next(epochs)))["loss"])  # waits for the result

    return Prepared(sum(int(tf.size(weight)) for weight in autoencoder.weights), epoch)
