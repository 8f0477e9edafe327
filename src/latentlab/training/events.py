"""TensorBoard's event files, on request: losses an epoch in a folder outside DVC's outputs."""

import os
from pathlib import Path

import tensorflow as tf

from latentlab.training.callbacks import Row

VARIABLE = "LATENTLAB_TENSORBOARD"


class Events:
    """Writes to `<folder>/<variant>` if the environment's LATENTLAB_TENSORBOARD names a folder.

    `tf.summary.write` needs no TensorBoard, `tf.summary.scalar` does; what it adds is the name of the plugin.
    """

    def __init__(self, variant: str) -> None:
        folder = os.environ.get(VARIABLE)
        self._writer = tf.summary.create_file_writer(str(Path(folder) / variant)) if folder else None
        self._metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"})

    def epoch(self, row: Row) -> None:
        """Write the losses of an epoch."""
        if self._writer is None:
            return
        with self._writer.as_default():
            for name, value in row.items():
                if name != "epoch":
                    tf.summary.write(name, tf.constant(value, tf.float32), int(row["epoch"]), self._metadata)
        self._writer.flush()
