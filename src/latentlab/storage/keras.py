"""`.keras` archives: models of built-in layers."""

import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing

if TYPE_CHECKING:
    import keras

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can state


def write_keras(path: Path, model: "keras.Model") -> None:
    """Write a Keras model as a `.keras` archive.

    Keras puts the date, zip times and memory addresses (`shared_object_id`) into it. They are replaced by
    constants, so that the same weights give the same bytes, and any Keras 3 still opens the file.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        metadata = json.loads(members["metadata.json"])
        members["metadata.json"] = json.dumps(metadata | {"date_saved": "1980-01-01@00:00:00"}).encode()
        members["config.json"] = _without_addresses(members["config.json"].decode()).encode()
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), content)


def _without_addresses(config: str) -> str:
    """Number shared objects by first appearance in place of their address."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)', lambda match: f"{match[1]}{numbers.setdefault(match[2], len(numbers))}", config
    )


def read_keras(path: Path) -> "keras.Model":
    """A model without its training state. Raises `UserError`."""
    import keras  # with TensorFlow, which the stage has set up by now

    with reading(path, ValueError, KeyError, zipfile.BadZipFile):
        if not path.exists():  # Keras reports this as a ValueError
            raise FileNotFoundError
        return keras.saving.load_model(path, compile=False)
