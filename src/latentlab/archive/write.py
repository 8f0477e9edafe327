"""A study becomes an archive."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from latentlab.archive.contents import FIXED, files_below, named_by
from latentlab.archive.manifest import ABOUT, MANIFEST, TEXT, Manifest, Stored
from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.storage.keras import ZIP_EPOCH
from latentlab.storage.replacing import replacing
from latentlab.storage.yaml import read_yaml

SMALL = {".json", ".csv", ".html", ".md", ".svg", ".yaml", ".lock"}  # kinds that compression makes smaller


def write_archive(target: Path, study: str, origins: Mapping[str, Mapping[str, str]]) -> Manifest:
    """Write the study in the current folder to `target`, whose bytes do not depend on when that is.

    Raises `UserError` if a file is missing, or is not what dvc.lock says.
    """
    files = checked_files()
    manifest = Manifest(study, {path.as_posix(): Stored(path.stat().st_size, md5(path)) for path in files}, origins)
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(_entry(MANIFEST), manifest.text)
        archive.writestr(_entry(ABOUT), TEXT.format(study=study))
        for path in tqdm(files, desc="export", unit="file", disable=None):
            with path.open("rb") as source, archive.open(_entry(path.as_posix()), "w", force_zip64=True) as sink:
                shutil.copyfileobj(source, sink, 2**20)
    return manifest


def checked_files() -> list[Path]:
    """The files of the study in the current folder, in order. Raises `UserError` if one is not what dvc.lock says."""
    found = {path for path in FIXED if path.exists()}
    for name, value in named_by(read_yaml(paths.LOCK, made_by="dvc repro")).items():
        path = Path(name)
        if not path.exists():
            raise UserError(f"{path}: no such file; `dvc checkout`, `dvc pull` or `dvc repro` brings it")
        if md5(path) != value:
            raise UserError(f"{path}: is not what dvc.lock says; `dvc repro` makes both agree")
        found.update(files_below(path))
    return sorted(found)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ZIP_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED if Path(name).suffix in SMALL else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    return entry
