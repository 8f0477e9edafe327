"""The loop over epochs: history, the best epoch, progress."""

import math
from dataclasses import dataclass

import keras
import tensorflow as tf
from tqdm import tqdm

from latentlab.artifacts import Array
from latentlab.autoencoder import Autoencoder
from latentlab.errors import UserError
from latentlab.params import Training, Variant
from latentlab.training.epoch import training_epoch, validation_epoch

# Keras' default for Adadelta, 0.001, hardly moves the weights; 1.0 is its paper's (arXiv:1212.5701)
OPTIMIZERS = {
    "adam": (keras.optimizers.Adam, 0.001),
    "rmsprop": (keras.optimizers.RMSprop, 0.001),
    "adadelta": (keras.optimizers.Adadelta, 1.0),
}

Row = dict[str, float]


@dataclass(frozen=True)
class Fit:
    """`history` has a row an epoch, counted from 1. `kept_epoch` is the one whose weights the models have now."""

    history: list[Row]
    best_epoch: int
    kept_epoch: int


def fit(autoencoder: Autoencoder, train: Array, validation: Array, variant: Variant, seed: int) -> Fit:
    """Train on `train` (N, H, W, C) uint8 and validate each epoch on `validation`, likewise.

    Raises `UserError` at the first epoch with a loss that is not finite.
    """
    settings = variant.training
    optimizer = _optimizer(settings, autoencoder)
    train_once = training_epoch(autoencoder, optimizer, train, settings, seed)
    validate = validation_epoch(autoencoder, validation, settings, seed)
    history: list[Row] = []
    best_epoch, best_weights = 0, _weights(autoencoder)
    progress = tqdm(range(1, settings.epochs + 1), desc=f"train {variant.name}", unit="epoch", disable=None)
    for epoch in progress:
        row = {name: float(value) for name, value in train_once(tf.constant(epoch)).items()}
        row |= {f"validation_{name}": float(value) for name, value in validate().items()}
        if not all(map(math.isfinite, row.values())):
            raise UserError(f"variant {variant.name}: loss is not finite in epoch {epoch}; try a lower learning_rate")
        history.append({"epoch": epoch, **row})
        progress.set_postfix(loss=f"{row['loss']:.4f}", validation=f"{row['validation_loss']:.4f}")
        if best_epoch == 0 or row["validation_loss"] < history[best_epoch - 1]["validation_loss"]:
            best_epoch = epoch
            if settings.keep == "best":
                best_weights = _weights(autoencoder)
    if settings.keep == "last":
        return Fit(history, best_epoch, settings.epochs)
    autoencoder.encoder.set_weights(best_weights[0])
    autoencoder.decoder.set_weights(best_weights[1])
    return Fit(history, best_epoch, best_epoch)


def _optimizer(settings: Training, autoencoder: Autoencoder) -> keras.Optimizer:
    kind, rate = OPTIMIZERS[settings.optimizer]
    optimizer = kind(learning_rate=rate if settings.learning_rate is None else settings.learning_rate)
    optimizer.build(autoencoder.weights)
    return optimizer


def _weights(autoencoder: Autoencoder) -> tuple[list[Array], list[Array]]:
    return autoencoder.encoder.get_weights(), autoencoder.decoder.get_weights()
