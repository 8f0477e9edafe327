"""Stage `train`: train one variant and keep its models and its history."""

import math
import os
from contextlib import nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

from latentlab.config import paths, plugins
from latentlab.config.params import Precision
from latentlab.config.stages import ForTrain
from latentlab.config.variants import Variant
from latentlab.errors import UserError
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.fingerprint import class_of, of_tensorflow
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.plan import check_unchanged, read_parameters, read_plan
from latentlab.pipeline.used import NOTE, hashes_of
from latentlab.sources.chosen import of_classes
from latentlab.stages._command import run
from latentlab.storage.csv import write_csv
from latentlab.storage.json import write_json
from latentlab.storage.keras import write_keras
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.only_one import only_one
from latentlab.tracking.sender import Live
from latentlab.training.checkpoint import SECONDS, Checkpoint, training_key
from latentlab.training.workers import several_workers, writes_results

if TYPE_CHECKING:
    from latentlab.training.fit import Fit

# the columns of a history that has no row
HISTORY = ("epoch", "loss", "reconstruction_loss", "validation_loss", "validation_reconstruction_loss")


def main(variant: str) -> str:
    """Train `variant` on the training split; the validation split is the only other one it sees."""
    p = read_parameters(ForTrain, variant)
    # two would delete each other's files; several workers are one training, and keep no state that another could spoil
    alone = nullcontext() if several_workers() else only_one(paths.training_lock(variant), "trains this variant")
    with alone:
        return _on_data(p, variant)


def _on_data(p: ForTrain, variant: str) -> str:
    checkpoint_seconds = _checkpoint_seconds()
    files = [paths.prepared(split) for split in ("train", "validation")]
    used = hashes_of(*files, paths.CLASSES)
    train, validation = (learned(path.stem, read_npz(path), p.variant) for path in files)
    with Live(variant, wanted=p.variant.trains and not several_workers()) as live:
        return _train(p, train, validation, used, checkpoint_seconds, live)


def learned(split: str, arrays: dict[str, Array], variant: Variant) -> Array:
    """Images (n, H, W, C) of a split of those classes that the variant learns from. Raises `UserError`."""
    wanted = variant.learning.classes
    if wanted is None:
        return arrays["images"]
    chosen = of_classes(arrays, wanted, variant.name)
    if not len(chosen):
        key = f"params.yaml: variants.{variant.name}.classes"
        raise UserError(f"{key}: found {list(wanted)}, of which the {split} split has no image")
    return arrays["images"][chosen]


def _train(
    p: ForTrain, train: Array, validation: Array, used: dict[str, str], checkpoint_seconds: float, live: Live
) -> str:
    start_tensorflow(p.seed, p.threads)
    from latentlab.training.strategy import find_strategy, scope

    strategy = find_strategy()
    with scope(strategy):
        autoencoder = build(p.variant, train.shape[1:])
    # workers that were killed would have to agree on an epoch, so they begin anew
    keeps = p.variant.trains and not several_workers()
    checkpoint = _checkpoint(p.variant.name, train, validation, checkpoint_seconds) if keeps else None
    if p.variant.trains:
        result = _fit(p, autoencoder, train, validation, strategy, checkpoint, live)
    else:
        result = _solution(p, autoencoder, train, validation)
    done = f"train {p.variant.name}: {result}"
    if not writes_results():
        return f"{done}; the first worker writes the results"
    write(p.variant.name, autoencoder, result, used)
    _delete(checkpoint)
    return done


def _fit(
    p: ForTrain,
    autoencoder: Autoencoder,
    train: Array,
    validation: Array,
    strategy: Any,
    checkpoint: Checkpoint | None,
    live: Live,
) -> "Fit":
    """Epochs, which leave the autoencoder with the weights that are kept."""
    from latentlab.training.events import Events
    from latentlab.training.fit import NotFiniteError, fit
    from latentlab.training.strategy import scope

    v = p.variant
    with scope(strategy):
        trained = in_precision(autoencoder, v, train.shape[1:], p.precision)
    check_unchanged(p.stage, v.name)  # once more, now that all is imported
    try:
        watchers = [live.epoch, Events(v.name).epoch]
        result = fit(trained, train, validation, v, p.seed, checkpoint, strategy, watchers)
    except NotFiniteError:
        _delete(checkpoint)
        raise
    autoencoder.set_weights(trained.get_weights())
    return result


def _solution(p: ForTrain, autoencoder: Autoencoder, train: Array, validation: Array) -> "Fit":
    """No epochs: the architecture's own way to its weights. Raises `UserError` if there is none for these images."""
    from latentlab.training.solution import solution

    limit_threads(p.threads)
    try:
        result = solution(_architecture(p.variant).solve, autoencoder, train, validation, p.seed)
    except ValueError as error:
        raise UserError(f"params.yaml: variants.{p.variant.name}.{error}") from None
    check_unchanged(p.stage, p.variant.name)
    return result


def write(variant: str, autoencoder: Autoencoder, result: "Fit", used: dict[str, str]) -> None:
    """Write all outputs of a training, with the hashes of what it has read."""
    write_keras(paths.encoder(variant), autoencoder.encoder)
    write_keras(paths.decoder(variant), autoencoder.decoder)
    write_csv(paths.history(variant), result.history, HISTORY)
    write_json(paths.training(variant), summary(autoencoder, result) | {NOTE: used})


def _architecture(variant: Variant) -> ModuleType:
    return plugins.load("models", variant.learning.model, f"variants.{variant.name}.model")


def build(variant: Variant, image_shape: tuple[int, ...], precision: Precision = "float32") -> Autoencoder:
    """The untrained autoencoder of a variant. Weights come from Keras' global seed.

    Raises `UserError` if the architecture makes none that fits images of this shape.
    """
    import keras

    architecture = _architecture(variant)
    keras.config.set_dtype_policy(precision)
    try:
        autoencoder = architecture.build(variant.options, image_shape)
    finally:
        keras.config.set_dtype_policy("float32")
    if isinstance(autoencoder, Autoencoder):
        fault = autoencoder.fault(image_shape)
    else:
        fault = f"found {type(autoencoder).__name__}, allowed: an Autoencoder of networks/autoencoder.py"
    if fault:
        raise UserError(f"{architecture.__file__}: build: {fault}")
    return autoencoder  # type: ignore[no-any-return]


def in_precision(
    autoencoder: Autoencoder, variant: Variant, image_shape: tuple[int, ...], precision: Precision
) -> Autoencoder:
    """The same autoencoder as it trains. Weights are float32 in any case, and so are the models that are kept."""
    if precision == "float32":
        return autoencoder
    other = build(variant, image_shape, precision)
    other.set_weights(autoencoder.get_weights())
    return other


def _checkpoint(variant: str, train: Array, validation: Array, seconds: float) -> Checkpoint:
    key = training_key(read_plan(ForTrain.stage, variant).text, [train, validation])
    return Checkpoint(paths.checkpoint(variant), key, seconds)


def _checkpoint_seconds() -> float:
    text = os.environ.get("LATENTLAB_CHECKPOINT_SECONDS", str(SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:  # true of NaN, too
        raise UserError(f"LATENTLAB_CHECKPOINT_SECONDS: found {text!r}, allowed: a number of seconds, 0 or more")
    return seconds


def _delete(checkpoint: Checkpoint | None) -> None:
    if checkpoint:
        checkpoint.delete()


def summary(autoencoder: Autoencoder, result: "Fit") -> dict[str, Any]:
    """What the training came to, and on what; losses are those of the weights that are kept, if there are any.

    `validation_bce` is nats a pixel for every kind of autoencoder.
    """
    pixels = math.prod(autoencoder.encoder.inputs[0].shape[1:])
    losses = {}
    if kept := result.kept:
        losses = {name: kept[name] for name in ("loss", "validation_loss")}
        losses["validation_bce"] = kept["validation_reconstruction_loss"] / (pixels if autoencoder.variational else 1)
    return {
        "parameters": autoencoder.parameters(),
        "latent_shape": list(autoencoder.latent_shape),
        "variational": autoencoder.variational,
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        **losses,
        "device": device(),
        "numerics": class_of(of_tensorflow()),
    }


def device() -> str:
    """What TensorFlow computes on: `CPU`, or the names of the GPUs."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    return ", ".join(names) or "CPU"


if __name__ == "__main__":
    run(main)
