"""The weights in a `.keras` file, without Keras, which takes seconds to import."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from latentlab.storage.memory import Array
from latentlab.storage.reading import reading


@dataclass(frozen=True)
class Model:
    """Weights by their layer and their number in it, in the order of the layers; and the architecture as JSON."""

    weights: dict[tuple[str, str], Array]
    config: dict[str, Any]


def read_model(path: Path) -> Model:
    """The content of a `.keras` file. Raises `UserError`."""
    with reading(path, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            content = archive.read("model.weights.h5")
        with h5py.File(io.BytesIO(content), "r") as file:
            found = {_name(group): _arrays(group) for group in file.get("layers", {}).values()}
    order = [layer["config"]["name"] for layer in config.get("config", {}).get("layers", [])]
    names = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    return Model({(name, key): array for name in names for key, array in found[name].items()}, config)


def _name(group: Any) -> str:
    """A layer's own name: the group is called by its class."""
    name = group["vars"].attrs.get("name") if "vars" in group else None
    return name if isinstance(name, str) else str(group.name).rpartition("/")[2]


def _arrays(group: Any) -> dict[str, Array]:
    """All below a group, by a path such as `0`, or `cell/1`."""
    arrays: dict[str, Array] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name.replace("vars/", "")] = np.asarray(item)

    group.visititems(visit)
    return arrays
