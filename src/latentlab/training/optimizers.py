"""The optimizer of a variant, with its learning-rate schedule."""

import keras

from latentlab.config.variants import Training

# Keras' default for Adadelta, 0.001, hardly moves the weights; 1.0 is its paper's (arXiv:1212.5701)
OPTIMIZERS = {
    "adam": (keras.optimizers.Adam, 0.001),
    "rmsprop": (keras.optimizers.RMSprop, 0.001),
    "adadelta": (keras.optimizers.Adadelta, 1.0),
}


def build_optimizer(settings: Training, weights: list[keras.Variable], steps_per_epoch: int) -> keras.Optimizer:
    """A new optimizer for `weights`, its state included.

    A cosine or exponential schedule moves the learning rate at each step, down to `factor` of it after the last.
    """
    kind, rate = OPTIMIZERS[settings.optimizer]
    rate = rate if settings.learning_rate is None else settings.learning_rate
    optimizer = kind(learning_rate=_scheduled(rate, settings, settings.epochs * steps_per_epoch))
    optimizer.build(weights)
    return optimizer


def _scheduled(rate: float, settings: Training, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    schedule = settings.learning_rate_schedule
    if schedule is None or schedule.kind == "plateau":
        return rate
    if schedule.kind == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps, alpha=schedule.factor)
    return keras.optimizers.schedules.ExponentialDecay(rate, decay_steps=steps, decay_rate=schedule.factor)
