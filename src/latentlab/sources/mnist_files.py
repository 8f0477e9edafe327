"""Datasets that are published like MNIST: four IDX files, or Keras' npz, at well-known places."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latentlab.config.paths import DOWNLOADS
from latentlab.config.project import home
from latentlab.errors import UserError
from latentlab.sources.dataset import Dataset, sha256
from latentlab.sources.idx import read_idx
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz

MIRROR = "LATENTLAB_DATA_MIRROR"
RETRIES = 3
TIMEOUT = 20.0  # seconds without an answer or without a byte
FILES = {  # arrays by Keras' names: IDX file, dimensions
    "x_train": ("train-images-idx3-ubyte", 3),
    "y_train": ("train-labels-idx1-ubyte", 1),
    "x_test": ("t10k-images-idx3-ubyte", 3),
    "y_test": ("t10k-labels-idx1-ubyte", 1),
}


@dataclass(frozen=True)
class Gzipped:
    """An IDX file as it is published, gzipped: its MD5 and its size in bytes."""

    md5: str
    size: int


@dataclass(frozen=True)
class Published:
    """A published dataset: SHA-256 of each array's bytes by Keras' name, and where its files can be had.

    `packages` are folders where a package of the operating system puts them, `urls` folders on the web that have the
    `files`, by Keras' name.
    """

    name: str
    source: str
    sha256: Mapping[str, str]
    files: Mapping[str, Gzipped]
    urls: tuple[str, ...]
    packages: tuple[Path, ...] = ()
    package_hint: str = ""

    def load(self) -> Dataset:
        """All 70,000 images, the official test split last. Raises `UserError` if no place has them intact."""
        for folder in self._folders():
            if (arrays := self._read(folder)) is not None:
                return self._dataset(arrays, str(folder))
        return self._dataset(*self._downloaded())

    def _folders(self) -> list[Path]:
        """Where to look, in this order."""
        named = os.environ.get(MIRROR)
        if named and not Path(named).is_dir():
            raise UserError(f"{MIRROR}: found {named!r}, allowed: a folder")
        mirror = [Path(named) / self.name, Path(named)] if named else []
        return [downloads() / self.name, downloads(), *mirror, *self.packages]

    def _read(self, folder: Path) -> dict[str, Array] | None:
        """The arrays in a folder, if their files are there, checked."""
        npz = folder / f"{self.name}.npz"
        idx = {key: _idx_path(folder, file) for key, (file, _) in FILES.items()}
        try:
            has_npz, has_idx = npz.exists(), all(path.exists() for path in idx.values())
        except OSError as error:
            raise UserError(f"{folder}: cannot be read ({error.strerror})") from None
        if has_npz:
            arrays = read_npz(npz, made_by="")
            if missing := FILES.keys() - arrays.keys():
                raise UserError(f"{npz}: found no {', '.join(sorted(missing))}, needed: {', '.join(FILES)}")
            self._check(arrays, dict.fromkeys(FILES, npz))
        elif has_idx:
            arrays = {key: read_idx(path, FILES[key][1]) for key, path in idx.items()}
            self._check(arrays, idx)
        else:
            return None
        return arrays

    def _check(self, arrays: dict[str, Array], paths: Mapping[str, Path]) -> None:
        for key, expected in self.sha256.items():
            found = sha256(arrays[key])
            if found != expected:
                raise UserError(
                    f"{paths[key]}: {key} is not {self.name}'s: "
                    f"found SHA-256 {found[:12]}..., allowed: {expected[:12]}..."
                )

    def _downloaded(self) -> tuple[dict[str, Array], str]:
        folder = downloads() / self.name
        files = {f"{file}.gz": self.files[key] for key, (file, _) in FILES.items()}
        failures = []
        for url in self.urls:
            if failure := _download(url, files, folder):
                failures.append(failure)
            elif (arrays := self._read(folder)) is not None:
                return arrays, url
        raise UserError(
            f"{self.name}: not at hand and not to be had ({'; '.join(failures)}). Put {self.name}.npz (Keras) or the "
            f"four IDX files into {folder}/ or into a folder that {MIRROR} names{self.package_hint}"
        )

    def _dataset(self, arrays: dict[str, Array], found: str) -> Dataset:
        images = np.concatenate([arrays["x_train"], arrays["x_test"]])[..., None]  # (70000, 28, 28, 1)
        labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
        return Dataset(images, labels, self.source, found, official_test=len(arrays["x_test"]))


def downloads() -> Path:
    """The project's folder for published data, which all studies share, as seen from the current folder."""
    return Path(os.path.relpath(home() / DOWNLOADS))


def _download(url: str, files: Mapping[str, Gzipped], folder: Path) -> str:
    """Fetch these files from the folder `url`, whole or not at all; why that failed, if it did.

    A file gets its name only once it has the published hash, and no more than its size is kept of what a server sends.
    Raises `UserError` if they cannot be written.
    """
    import pooch  # here, as hardly any run of the pipeline downloads
    import requests

    pooch.get_logger().setLevel("ERROR")
    there = pooch.create(
        folder, f"{url}/", registry={name: f"md5:{file.md5}" for name, file in files.items()}, retry_if_failed=RETRIES
    )
    transfer = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
    )
    for name, file in files.items():
        try:
            there.fetch(name, downloader=partial(_fetch, transfer, file.size))
        except requests.HTTPError as error:
            return f"{url}/{name}: the server answered {error.response.status_code}"
        except requests.Timeout:
            return f"{url}/{name}: no answer in time"
        except requests.RequestException:
            return f"{url}/{name}: no connection, or one that was cut off"
        except ValueError:  # another hash, or too long
            return f"{url}/{name}: not the published file"
        except OSError as error:
            raise UserError(f"{folder / name}: cannot be written ({error.strerror})") from None
    return ""


def _fetch(transfer: Any, size: int, url: str, path: str, pooch: Any) -> None:
    """Pooch's `transfer` of a file of so many bytes."""
    with open(path, "wb") as file:
        transfer(url, _Limited(file, size), pooch)


class _Limited:
    """A file to write that takes so many bytes and no more: the disk is not the server's to fill."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self.file = file
        self.left = left

    def write(self, content: bytes) -> None:
        """Raises `ValueError`, as pooch does for another hash, if there is no room."""
        self.left -= len(content)
        if self.left < 0:
            raise ValueError("longer than the published file")
        self.file.write(content)

    def flush(self) -> None:
        """Pooch wants it after each KiB; closing does it."""


def _idx_path(folder: Path, file: str) -> Path:
    """The file, gzipped if only that is there."""
    return folder / file if (folder / file).exists() else folder / f"{file}.gz"
