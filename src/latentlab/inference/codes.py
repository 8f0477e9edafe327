"""Codes of new images by a trained encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import ForExtract
from latentlab.errors import UserError
from latentlab.inference.images import read_images, scaled_size
from latentlab.networks.apply import encode
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.pipeline.plan import read_parameters
from latentlab.storage.keras import read_keras

SPLIT = "new"


def codes_of(variant: str, files: Sequence[Path]) -> dict[str, Any]:
    """What `data/latents/<variant>.pkl` would have of the images in `files`, with the name of each in `files`.

    `split` is `new`, `index` counts the images, and `labels` is None. Of a variational encoder it is z_mean. The same
    files give the same bytes. Raises `UserError` for a variant that is not trained, and as `read_images` does.
    """
    for path in (*files, paths.encoder(variant), paths.decoder(variant)):  # before TensorFlow takes its seconds
        if not path.is_file():
            remedy = "; `dvc repro` makes it" if path not in files else ""
            raise UserError(f"{path}: {'no file' if path.exists() else 'no such file'}{remedy}")
    p, size = read_parameters(ForExtract, variant), scaled_size()
    start_tensorflow(p.seed, p.threads)
    from latentlab.networks.normalization import made_portable

    models = (made_portable(read_keras(path)) for path in (paths.encoder(variant), paths.decoder(variant)))
    autoencoder = Autoencoder(*models)
    images, names = read_images(files, autoencoder.encoder.inputs[0].shape[1:], size)
    code = encode(autoencoder, images)[0]  # (N, ...)
    return {
        "variant": variant,
        "features": code.reshape(len(code), -1),  # (N, D) float32
        "labels": None,
        "split": np.repeat(SPLIT, len(code)),
        "index": np.arange(len(code)),
        "latent_shape": autoencoder.latent_shape,
        "files": names,
    }
