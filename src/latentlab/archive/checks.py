"""What is looked at before anything comes out of an archive that somebody else made."""

import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from latentlab.archive.contents import FIXED, MOST, is_result
from latentlab.archive.manifest import ABOUT, MANIFEST, Manifest
from latentlab.errors import UserError
from latentlab.storage.yaml import parse_yaml

LARGEST = 20 * 2**20  # bytes of the manifest, and of dvc.lock, which are read whole
RATIO = 200  # text of numbers shrinks to a tenth, seldom to a thirtieth
ALLOWED = {path.as_posix() for path in FIXED}


def open_manifest(archive: zipfile.ZipFile) -> Manifest:
    """The manifest of an archive whose entries are files that a study has, of the sizes that it says.

    Raises `UserError`.
    """
    entries = archive.infolist()
    if len(entries) > MOST:
        raise UserError(f"found {len(entries):,} files, allowed: {MOST:,}")
    known = {entry.filename: entry for entry in entries}
    if len(known) != len(entries) or len({name.casefold() for name in known}) != len(entries):
        raise UserError("found two files of one name, allowed: one of each")
    for entry in entries:
        _check_entry(entry)
    # entries that share their bytes would be more than the file that they are in
    if sum(entry.compress_size for entry in entries) > Path(str(archive.filename)).stat().st_size:
        raise UserError("found files that overlap, allowed: each by itself")
    manifest = Manifest.of_text(read_small(archive, MANIFEST))
    _check_files(manifest, known)
    return manifest


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if name not in ALLOWED | {MANIFEST, ABOUT} and not is_result(name):
        raise UserError(f"found {name[:100]!r}, allowed: parameters, plans and results of a study, in its own folder")
    if not name.isprintable():
        raise UserError(f"found {name[:100]!r}, allowed: names of letters that can be shown")
    if entry.is_dir() or kind not in (0, stat.S_IFREG):
        raise UserError(f"{name}: found a link or a folder, allowed: files")
    if entry.flag_bits & 0x1:
        raise UserError(f"{name}: is encrypted, allowed: files that are not")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{name}: found another way to compress, allowed: deflated or stored")
    if entry.file_size > RATIO * (entry.compress_size + 100):
        raise UserError(
            f"{name}: grows from {entry.compress_size:,} bytes to {entry.file_size:,}, allowed: {RATIO} times"
        )


def _check_files(manifest: Manifest, known: Mapping[str, zipfile.ZipInfo]) -> None:
    there = known.keys() - {MANIFEST, ABOUT}
    for name in sorted(there ^ manifest.files.keys()):
        where = "not in the manifest" if name in there else "in the manifest alone"
        raise UserError(f"{name[:100]}: is {where}, allowed: the same files in both")
    for name, stored in manifest.files.items():
        if known[name].file_size != stored.size:
            raise UserError(
                f"{name}: has {known[name].file_size:,} bytes, allowed: {stored.size:,}, as the manifest says"
            )


def read_small(archive: zipfile.ZipFile, name: str) -> str:
    """A text that is kept in memory. Raises `UserError`."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise UserError(f"found no {name}, allowed: archives that `latentlab export` made") from None
    if entry.file_size > LARGEST:
        raise UserError(f"{name}: has {entry.file_size:,} bytes, allowed: {LARGEST:,}")
    try:
        return archive.read(entry).decode()
    except UnicodeDecodeError:
        raise UserError(f"{name}: is no UTF-8") from None


def check_covered(names: Iterable[str], named: Mapping[str, str]) -> None:
    """Raise `UserError` unless each file is one that dvc.lock names, or in such a folder."""
    for name in set(names) - ALLOWED:
        if not any(parent.as_posix() in named for parent in (Path(name), *Path(name).parents)):
            raise UserError(f"{name}: is not in dvc.lock, allowed: what its stages have read and written")


def lock_in(archive: zipfile.ZipFile) -> dict[str, object]:
    """The content of dvc.lock. Raises `UserError`."""
    return parse_yaml(read_small(archive, "dvc.lock"), "dvc.lock")
