"""One training on several GPUs of a machine, or on several machines: the same global batch in equal parts."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

from latentlab.errors import UserError
from latentlab.training.losses import Terms

Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Terms]


def find_strategy() -> tf.distribute.Strategy | None:
    """Several workers if TF_CONFIG names them, else all GPUs if there are several, else None.

    Call it before anything else of TensorFlow's. Raises `UserError` if TF_CONFIG is not what TensorFlow takes
    (https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable).
    """
    if os.environ.get("TF_CONFIG"):
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, KeyError, TypeError, AttributeError, tf.errors.OpError) as error:
            raise UserError(f"TF_CONFIG: {' '.join(str(error).split())}") from None
    return tf.distribute.MirroredStrategy() if len(tf.config.list_physical_devices("GPU")) > 1 else None


def scope(strategy: tf.distribute.Strategy | None) -> AbstractContextManager[None]:
    """Where variables have to be made."""
    return strategy.scope() if strategy else nullcontext()


def spread(step: Step, strategy: tf.distribute.Strategy | None) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """`step(batch, seed, share)` for the images of a batch; with a strategy each replica takes its share of them.

    `share` is what a replica's mean counts in the mean over the batch, so that sums over replicas are that mean.
    """
    if strategy is None:
        return lambda batch, seed: step(batch, seed, tf.constant(1.0))
    replicas = strategy.num_replicas_in_sync

    def local(batch: tf.Tensor, seed: tf.Tensor) -> Terms:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        mine = batch[replica::replicas]
        count = tf.shape(mine)[0]
        share = tf.cast(count, tf.float32) / tf.cast(tf.shape(batch)[0], tf.float32)
        # a mean over no image is not a number, and stays so times 0: a replica without any computes one that counts 0
        some = tf.cond(count > 0, lambda: mine, lambda: batch[:1])
        return step(some, tf.random.fold_in(seed, replica), share)

    def everywhere(batch: tf.Tensor, seed: tf.Tensor) -> Terms:
        terms = strategy.run(local, (batch, seed))
        return {name: strategy.reduce("SUM", value, axis=None) for name, value in terms.items()}

    return everywhere
