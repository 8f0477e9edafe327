"""The hashes that DVC gives files and folders."""

import hashlib
from pathlib import Path

from latentlab.errors import UserError

IGNORED = {".git", ".hg", ".dvc", "__pycache__"}  # by DVC itself, and in .dvcignore


def md5(path: Path) -> str:
    """The MD5 of a file, or of the names and contents in a folder (`.dir` at its end). Raises `UserError`."""
    try:
        if path.is_dir():
            return _md5_of_folder(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _md5_of_folder(folder: Path) -> str:
    from dvc_data.hashfile.hash_info import HashInfo  # takes a tenth of a second
    from dvc_data.hashfile.tree import Tree

    tree = Tree()  # type: ignore[no-untyped-call]
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not IGNORED.intersection(parts):
            tree.add(parts, None, HashInfo("md5", md5(path)))
    tree.digest()
    return str(tree.hash_info.value)
