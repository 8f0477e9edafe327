"""An archive becomes a study of this project. Nothing that is there is overwritten."""

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from latentlab.archive.checks import check_covered, lock_in, open_manifest
from latentlab.archive.contents import named_by
from latentlab.archive.foreign import check_inert
from latentlab.archive.manifest import Manifest
from latentlab.config import params, paths
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.storage.reading import reading

FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError, MemoryError)


def unpack(path: Path, folder: Path) -> Manifest:
    """Put all files of an archive into an empty folder and check them; what it says of itself. Raises `UserError`."""
    with _named(path), reading(path, *FAULTS, made_by=""), zipfile.ZipFile(path) as archive:
        manifest = open_manifest(archive)
        named = named_by(lock_in(archive))
        check_covered(manifest.files, named)
        _check_room(manifest, folder)
        for name in tqdm(manifest.files, desc="import", unit="file", disable=None):
            _unpack(archive, name, manifest, folder)
        for name, value in named.items():
            if not (folder / name).exists():
                raise UserError(f"{name}: is in dvc.lock, but not there")
            if md5(folder / name) != value:
                raise UserError(f"{name}: is not what dvc.lock says")
        _check_parameters(folder, manifest)
    return manifest


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors name the archive."""
    try:
        yield
    except UserError as error:
        if not str(error).startswith(f"{path}:"):
            error.args = (f"{path}: {error}",)
        raise


def _check_room(manifest: Manifest, folder: Path) -> None:
    needed = 2 * sum(stored.size for stored in manifest.files.values())  # DVC's cache has each file once more
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"takes {needed / 1e6:,.0f} MB with the cache, allowed: {free / 1e6:,.0f} MB, which are free")


def _unpack(archive: zipfile.ZipFile, name: str, manifest: Manifest, folder: Path) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("xb") as sink:
        shutil.copyfileobj(source, sink, 2**20)
    if md5(target) != manifest.files[name].md5:
        raise UserError(f"{name}: is not what the manifest says")
    try:
        check_inert(target)
    except UserError as error:
        raise UserError(_inside(error, folder)) from None


def _check_parameters(folder: Path, manifest: Manifest) -> None:
    """Parameters that cannot be read would stop DVC in the whole project."""
    try:
        study = params.load(folder / paths.PARAMS).study
    except UserError as error:
        raise UserError(f"{_inside(error, folder)} (of another version of latentlab?)") from None
    if study != manifest.study:
        raise UserError(f"params.yaml: study: found {study!r}, allowed: {manifest.study!r}, as the manifest says")


def _inside(error: UserError, folder: Path) -> str:
    """What is wrong with a file of the archive, by its name there, without what would mend one of this project."""
    return str(error).replace(f"{folder}/", "").partition("; `")[0]


def place(folder: Path, target: Path) -> int:
    """Move the files in `folder` to the study in `target`; how many were not there.

    Raises `UserError` before anything is moved if a file there is another one.
    """
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    new = []
    for file in files:
        there = target / file
        if not there.exists() and not there.is_symlink():
            new.append(file)
        elif not there.is_file() or md5(there) != md5(folder / file):
            raise UserError(f"{there}: is another one; `--as NAME` makes a study of its own of the archive")
    for file in sorted(new, key=lambda each: each == paths.LOCK):  # last, so that it never names what is not there
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / file, target / file)
    return len(new)
