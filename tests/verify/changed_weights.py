"""Models with another weight."""

import io
import zipfile
from pathlib import Path

import h5py


def change_weight(path: Path, amount: float) -> bytes:
    """The content of a `.keras` file whose first weight with more than one dimension is larger by so much."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        found: list[h5py.Dataset] = []
        file.visititems(lambda _, item: found.append(item) if len(getattr(item, "shape", ())) > 1 else None)
        found[0][0, 0] += amount
    members["model.weights.h5"] = buffer.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return changed.getvalue()
