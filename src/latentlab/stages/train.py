"""Stage `train`: train one variant and keep its models and its history."""

import math
import os
from contextlib import nullcontext
from typing import Any

from latentlab.config import paths, plugins
from latentlab.config.params import Precision, Variant
from latentlab.config.stages import ForTrain
from latentlab.errors import UserError
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.fingerprint import class_of, of_tensorflow
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.pipeline.plan import check_unchanged, read_parameters, read_plan
from latentlab.pipeline.used import NOTE, hashes_of
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
    used = hashes_of(*files)
    train, validation = (read_npz(path)["images"] for path in files)
    with Live(variant, wanted=not several_workers()) as live:
        return _train(p, train, validation, used, checkpoint_seconds, live)


def _train(
    p: ForTrain, train: Array, validation: Array, used: dict[str, str], checkpoint_seconds: float, live: Live
) -> str:
    v = p.variant
    start_tensorflow(p.seed, p.threads)
    from latentlab.training.events import Events
    from latentlab.training.fit import NotFiniteError, fit
    from latentlab.training.strategy import find_strategy, scope

    strategy = find_strategy()
    # workers that were killed would have to agree on an epoch, so they begin anew
    checkpoint = None if several_workers() else _checkpoint(v.name, train, validation, checkpoint_seconds)
    with scope(strategy):
        autoencoder = build(v, train.shape[1:])
        trained = in_precision(autoencoder, v, train.shape[1:], p.precision)
    check_unchanged(p.stage, v.name)  # once more, now that all is imported
    try:
        watchers = [live.epoch, Events(v.name).epoch]
        result = fit(trained, train, validation, v, p.seed, checkpoint, strategy, watchers)
    except NotFiniteError:
        _delete(checkpoint)
        raise
    done = f"train {v.name}: {len(result.history)} epochs, validation loss {result.kept['validation_loss']:.4f}"
    if not writes_results():
        return f"{done}; the first worker writes the results"
    autoencoder.set_weights(trained.get_weights())
    write_keras(paths.encoder(v.name), autoencoder.encoder)
    write_keras(paths.decoder(v.name), autoencoder.decoder)
    write_csv(paths.history(v.name), result.history)
    about = summary(autoencoder, result.best_epoch, len(result.history), result.kept)
    write_json(paths.training(v.name), about | {NOTE: used})
    _delete(checkpoint)
    return done


def build(variant: Variant, image_shape: tuple[int, ...], precision: Precision = "float32") -> Autoencoder:
    """The untrained autoencoder of a variant. Weights come from Keras' global seed.

    Raises `UserError` if the architecture makes none that fits images of this shape.
    """
    import keras

    architecture = plugins.load("models", variant.training.model, f"variants.{variant.name}.model")
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


def summary(autoencoder: Autoencoder, best_epoch: int, epochs: int, kept: dict[str, float]) -> dict[str, Any]:
    """What the training came to, and on what; losses are those of the weights that are kept.

    `validation_bce` is nats a pixel for every kind of autoencoder.
    """
    pixels = math.prod(autoencoder.encoder.inputs[0].shape[1:])
    return {
        "parameters": autoencoder.parameters(),
        "latent_shape": list(autoencoder.latent_shape),
        "variational": autoencoder.variational,
        "epochs": epochs,
        "best_epoch": best_epoch,
        "loss": kept["loss"],
        "validation_loss": kept["validation_loss"],
        "validation_bce": kept["validation_reconstruction_loss"] / (pixels if autoencoder.variational else 1),
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
