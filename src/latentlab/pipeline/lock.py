"""What dvc.lock says, without DVC, which takes a second to start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.storage.yaml import read_yaml


def stages_in_lock(path: Path = paths.LOCK) -> dict[str, dict[str, Any]]:
    """The entries of a dvc.lock by the name of their stage; none if there is no such file. Raises `UserError`."""
    return entries(read_yaml(path)) if path.exists() else {}


def entries(lock: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The same, of what was read from a dvc.lock; none where DVC, killed while it wrote, has left no more."""
    found = lock.get("stages")
    return found if isinstance(found, dict) else {}


def hashes(entry: Mapping[str, Any] | None, group: str) -> dict[str, str]:
    """The MD5 of each output (`outs`) or dependency (`deps`) of a stage by its path; empty for one that has none.

    Of an entry that is cut off there is what is left.
    """
    found = entry.get(group) if isinstance(entry, Mapping) else None
    files = found if isinstance(found, list) else []
    return {each["path"]: str(each.get("md5", "")) for each in files if isinstance(each, Mapping) and each.get("path")}


def variants_in_lock() -> list[str]:
    """The variants of the study in the current folder that have been trained, in the order of its dvc.lock."""
    train = name_of("train", "")
    return [name.removeprefix(train) for name in stages_in_lock() if name.startswith(train)]
