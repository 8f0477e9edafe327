"""Keras' callbacks that decide on the validation loss: early stopping and the schedule that waits for a plateau."""

import keras

from latentlab.config.variants import Training

Row = dict[str, float]


class Callbacks:
    """Stands in for the model that Keras' callbacks act on: they set `stop_training` and the learning rate.

    What they know follows from the history alone, so a resumed training replays it to them.
    """

    def __init__(self, settings: Training, optimizer: keras.Optimizer) -> None:
        self.optimizer = optimizer
        self.stop_training = False
        self._callbacks = list(_callbacks(settings))
        for callback in self._callbacks:
            callback.set_model(self)
            callback.on_train_begin()

    def epoch_ends(self, row: Row) -> None:
        """Tell them the losses of an epoch."""
        for callback in self._callbacks:
            callback.on_epoch_end(int(row["epoch"]) - 1, dict(row))


def _callbacks(settings: Training) -> list[keras.callbacks.Callback]:
    watched = {"monitor": "validation_loss", "mode": "min"}
    stopping, schedule = settings.early_stopping, settings.learning_rate_schedule
    callbacks: list[keras.callbacks.Callback] = []
    if stopping is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(**watched, patience=stopping.patience, min_delta=stopping.min_delta)
        )
    if schedule is not None and schedule.kind == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                **watched, factor=schedule.factor, patience=schedule.patience, min_delta=0.0
            )
        )
    return callbacks
