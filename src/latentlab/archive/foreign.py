"""Files that others made and that code could hide in."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latentlab.archive.checks import RATIO
from latentlab.errors import UserError
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.storage.reading import reading

MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
CODE = {"Lambda", "function", "__lambda__"}  # of Keras, which hold Python


def check_inert(path: Path) -> None:
    """Raise `UserError` if a pickle, an array or a model holds anything but plain values and built-in layers."""
    match path.suffix:
        case ".pkl":
            read_pickle(path)
        case ".npz":
            with reading(path, zipfile.BadZipFile, ValueError), zipfile.ZipFile(path) as archive:
                _check_sizes(path, archive)
            read_npz(path)
        case ".keras":
            _check_model(path)


def _check_model(path: Path) -> None:
    with reading(path, ValueError, KeyError, RecursionError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        _check_sizes(path, archive)
        if extra := set(archive.namelist()) - MEMBERS:
            raise UserError(f"{path}: holds {min(extra)[:100]!r}, allowed: a model of Keras 3")
        config = json.loads(archive.read("config.json"))
    for module, name in _classes(config):
        if name in CODE or not (module is None or module == "builtins" or module.split(".")[0] == "keras"):
            raise UserError(f"{path}: holds {module}.{name}, allowed: layers that are built into Keras")


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Stages write neither kind compressed; users may compress arrays of their own."""
    inside, outside = sum(entry.file_size for entry in archive.infolist()), path.stat().st_size
    if inside > RATIO * outside:
        raise UserError(f"{path}: grows from {outside:,} bytes to {inside:,}, allowed: {RATIO} times")


def _classes(content: Any) -> Iterator[tuple[str | None, str]]:
    """Module and name of each object that a configuration would make."""
    if isinstance(content, dict):
        if "class_name" in content:
            module = content.get("module")
            yield (None if module is None else str(module)), str(content["class_name"])
        content = list(content.values())
    if isinstance(content, list):
        for each in content:
            yield from _classes(each)
