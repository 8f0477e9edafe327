"""How MLflow loads an encoder or decoder that it keeps: images to latent features, or latent features to images.

This file travels with each model and imports nothing of this package.
"""

import os
from typing import Any

import numpy as np


class Served:
    """A Keras model behind MLflow's `predict`."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Images (N, H, W, C) in [0, 1] to codes (N, ...), or codes to such images; float32.

        Of a variational encoder's outputs, z_mean and z_log_var, the code is the first.
        """
        outputs = self.model.predict(np.asarray(inputs, np.float32), verbose=0)
        return outputs[0] if isinstance(outputs, list | tuple) else outputs


def _load_pyfunc(path: str) -> Served:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    return Served(keras.saving.load_model(path, compile=False))
