"""What dvc.lock says, without DVC, which takes a second to start."""

from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.storage.yaml import read_yaml


def stages_in_lock(path: Path = paths.LOCK) -> dict[str, dict[str, Any]]:
    """The entries of a dvc.lock by the name of their stage; none if there is no such file. Raises `UserError`."""
    return (read_yaml(path).get("stages") or {}) if path.exists() else {}
