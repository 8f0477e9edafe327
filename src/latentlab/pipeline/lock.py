"""What dvc.lock says, without DVC, which takes a second to start."""

from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.storage.yaml import read_yaml


def stages_in_lock(path: Path = paths.LOCK) -> dict[str, dict[str, Any]]:
    """The entries of a dvc.lock by the name of their stage; none if there is no such file. Raises `UserError`."""
    return (read_yaml(path).get("stages") or {}) if path.exists() else {}


def variants_in_lock() -> list[str]:
    """The variants of the study in the current folder that have been trained, in the order of its dvc.lock."""
    train = name_of("train", "")
    return [name.removeprefix(train) for name in stages_in_lock() if name.startswith(train)]
