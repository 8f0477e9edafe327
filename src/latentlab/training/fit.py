"""The loop over epochs: history, the best epoch, progress, what a checkpoint needs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras
import tensorflow as tf
from tqdm import tqdm

from latentlab.config.variants import Training, Variant
from latentlab.errors import UserError
from latentlab.networks.autoencoder import Autoencoder
from latentlab.storage.memory import Array
from latentlab.training.callbacks import Callbacks, Row
from latentlab.training.checkpoint import Checkpoint, State
from latentlab.training.epoch import training_epoch, validation_epoch
from latentlab.training.optimizers import build_optimizer
from latentlab.training.strategy import scope
from latentlab.training.tensors import as_tensor

ADVICE = "try a lower learning_rate"


class NotFiniteError(UserError):
    """A training that cannot go on: its state is of no use any more."""


@dataclass(frozen=True)
class Fit:
    """`history` has a row an epoch, counted from 1. `kept_epoch` is the one whose weights the models have now.

    Weights that were found without epochs are of epoch 0; an autoencoder that has none has no row.
    """

    history: list[Row]
    best_epoch: int
    kept_epoch: int

    @property
    def kept(self) -> Row:
        """The losses of the epoch whose weights were kept; empty if there are none."""
        return next((row for row in self.history if row["epoch"] == self.kept_epoch), {})

    @property
    def epochs(self) -> int:
        """How many there were."""
        return int(self.history[-1]["epoch"]) if self.history else 0

    def __str__(self) -> str:
        if not self.kept:
            return "nothing to learn"
        found = f"{self.epochs} epochs" if self.epochs else "solved"
        return f"{found}, validation loss {self.kept['validation_loss']:.4f}"


def fit(
    autoencoder: Autoencoder,
    train: Array | tf.Tensor,
    validation: Array | tf.Tensor,
    variant: Variant,
    seed: int,
    checkpoint: Checkpoint | None = None,
    strategy: tf.distribute.Strategy | None = None,
    watchers: Sequence[Callable[[Row], None]] = (),
) -> Fit:
    """Train on `train` (N, H, W, C) uint8 and validate each epoch on `validation`, likewise.

    With a `checkpoint` it goes on from there, to the same result to the bit, and keeps it up to date. With a `strategy`
    its replicas share each batch; results are then the same but for rounding (and for the draws of noise and codes).
    Each of the `watchers` is called with the row of the history after each epoch.
    Raises `NotFiniteError` at the first epoch with a loss that is not finite.
    """
    settings = variant.training
    train, validation = as_tensor(train), as_tensor(validation)
    with scope(strategy):
        optimizer = build_optimizer(settings, autoencoder.weights, -(-len(train) // settings.batch_size))
    train_once = training_epoch(autoencoder, optimizer, train, settings, seed, strategy)
    validate = validation_epoch(autoencoder, validation, settings, seed)
    progress = Progress(autoencoder, optimizer, settings)
    if checkpoint and (state := checkpoint.load()):
        progress.restore(state)
    bar = tqdm(
        total=settings.epochs, initial=len(progress.history), desc=f"train {variant.name}", unit="epoch", disable=None
    )
    with bar:
        while not progress.finished:
            epoch = len(progress.history) + 1
            row = {name: float(value) for name, value in train_once(tf.constant(epoch)).items()}
            row |= {f"validation_{name}": float(value) for name, value in validate().items()}
            if not all(map(math.isfinite, row.values())):
                raise NotFiniteError(f"variant {variant.name}: loss is not finite in epoch {epoch}; {ADVICE}")
            row = {"epoch": epoch, **row}
            progress.add(row)
            for watcher in watchers:
                watcher(row)
            if checkpoint and checkpoint.due:
                checkpoint.save(progress.state)
            bar.set_postfix(loss=f"{row['loss']:.4f}", validation=f"{row['validation_loss']:.4f}", refresh=False)
            bar.update()
    return progress.keep()


@dataclass
class Progress:
    """Where a training stands after each epoch."""

    autoencoder: Autoencoder
    optimizer: keras.Optimizer
    settings: Training
    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    best: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.callbacks = Callbacks(self.settings, self.optimizer)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done or early stopping ended them."""
        return len(self.history) == self.settings.epochs or self.callbacks.stop_training

    def add(self, row: Row) -> None:
        """Take in the losses of one more epoch."""
        self.history.append(row)
        if self.best_epoch == 0 or row["validation_loss"] < self.history[self.best_epoch - 1]["validation_loss"]:
            self.best_epoch = len(self.history)
            if self.settings.keep == "best":
                self.best = self.autoencoder.get_weights()
        self.callbacks.epoch_ends(row)

    @property
    def state(self) -> State:
        """All that the next epoch depends on."""
        variables = [variable.numpy() for variable in self.optimizer.variables]
        return State(self.history, self.best_epoch, self.autoencoder.get_weights(), variables, self.best)

    def restore(self, state: State) -> None:
        """Stand where `state` does."""
        self.history, self.best_epoch, self.best = state.history, state.best_epoch, state.best
        for row in self.history:
            self.callbacks.epoch_ends(row)
        self.autoencoder.set_weights(state.weights)
        for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)

    def keep(self) -> Fit:
        """Give the models the weights of the epoch that is to be kept."""
        if self.settings.keep == "last":
            return Fit(self.history, self.best_epoch, len(self.history))
        self.autoencoder.set_weights(self.best)
        return Fit(self.history, self.best_epoch, self.best_epoch)
