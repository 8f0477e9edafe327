"""The variants that are measured, with the batch sizes of the publications that they come from."""

from pathlib import Path
from typing import Any

from latentlab.config import params
from latentlab.config.variants import Variant
from latentlab.storage.yaml import read_yaml

ROOT = Path(__file__).parent.parent
VARIANTS: dict[str, dict[str, Any]] = {
    "simple": {"model": "dense", "units": [32], "batch_size": 256},
    "sparse": {"model": "dense", "units": [32], "activity_l1": 1e-4, "batch_size": 256},
    "deep": {"model": "dense", "units": [128, 64, 32], "batch_size": 256},
    "conv": {"model": "conv", "filters": [16, 8, 8], "batch_size": 128},
    "denoise": {"model": "conv", "filters": [32, 32], "noise": 0.5, "batch_size": 128},
    "lstm": {"model": "lstm", "units": 32, "batch_size": 128},
    "vae": {"model": "vae", "units": [512], "latent_dim": 2, "batch_size": 128},
    "vae_conv": {"model": "vae_conv", "filters": [32, 64], "units": 16, "latent_dim": 2, "batch_size": 128},
    "vae_deconv": {"model": "vae_deconv", "filters": 64, "units": 128, "latent_dim": 2, "batch_size": 100},
}


def variant(name: str) -> Variant:
    """The variant `name`, checked as if it stood in a study. All are trained by Adam at its default rate."""
    content = read_yaml(ROOT / "studies/tiny/params.yaml")
    content["variants"] = {name: {**VARIANTS[name], "optimizer": "adam", "epochs": 1}}
    return params.parse(content).variant(name)
