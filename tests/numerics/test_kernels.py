"""What training runs in the end has no kernel that is a table of the CPU's maker's, whatever the optimizer."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tensorflow.python.eager import context

from latentlab.config.params import parse
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages.train import build

tf = start_tensorflow(seed=42, threads=1)
from latentlab.networks.classifier import build as build_classifier  # noqa: E402
from latentlab.training.classifier import fit  # noqa: E402
from latentlab.training.epoch import training_epoch, validation_epoch  # noqa: E402
from latentlab.training.optimizers import build_optimizer  # noqa: E402

TABLES = {"Reciprocal", "ReciprocalGrad", "Inv", "InvGrad", "Rsqrt", "RsqrtGrad"}
NORMALIZED = ("simple", "deep", "conv", "denoise", "vae", "vae_conv")
CASES = [
    *(
        (name, {"batch_norm": name in NORMALIZED})
        for name in ("deep", "denoise", "lstm", "vae", "vae_conv", "vae_deconv")
    ),
    *(("conv", {"optimizer": name, "batch_norm": True}) for name in ("adam", "rmsprop", "adadelta")),
    *(("simple", {"optimizer": name, "activity_l1": 0.1}) for name in ("adam", "rmsprop", "adadelta")),
]


def operations(metadata: Any) -> Iterator[str]:
    """Kinds of the operations that ran outside XLA, after TensorFlow has rewritten the graphs."""
    for graphs in metadata.function_graphs:
        graph = graphs.post_optimization_graph
        yield from (node.op for node in graph.node)
        for function in graph.library.function:
            if not function.attr["_XlaMustCompile"].b:
                yield from (node.op for node in function.node_def)


def kinds_that_run(work: Callable[[], object]) -> set[str]:
    """Kinds of the operations outside XLA in all that `work` runs."""
    context.enable_run_metadata()
    try:
        work()
        found = set(operations(context.export_run_metadata()))
    finally:
        context.disable_run_metadata()
    assert len(found) > 20  # it looked at what ran
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_no_reciprocal_of_tensorflows_own(
    tiny: dict[str, Any], name: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    options = {key: value for key, value in options.items() if value is not False}
    tiny["variants"] = {name: tiny["variants"][name] | options}
    variant = parse(tiny).variant(name)
    images = tf.constant(rng.integers(0, 256, (70, 28, 28, 1)).astype(np.uint8))  # the last batch is a smaller one
    autoencoder = build(variant, (28, 28, 1))
    optimizer = build_optimizer(variant.training, autoencoder.weights, 3)
    train = training_epoch(autoencoder, optimizer, images, variant.training, 1)
    validate = validation_epoch(autoencoder, images, variant.training, 1)
    assert not kinds_that_run(lambda: (train(tf.constant(1)), validate())) & TABLES


@pytest.mark.slow
def test_nor_where_the_classifier_learns(rng: np.random.Generator) -> None:
    images, classes = rng.integers(0, 256, (70, 28, 28, 1)).astype(np.uint8), np.arange(70) % 3
    assert not kinds_that_run(lambda: fit(build_classifier((28, 28, 1), 3), images, classes, 2, 32)) & TABLES
