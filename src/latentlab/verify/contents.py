"""The committed files by their MD5: from the user's cache or from git, and never changed there."""

import json
from dataclasses import dataclass
from pathlib import Path

from latentlab.pipeline.hashes import md5

FOLDER = ".dir"  # how the hash of a folder ends


@dataclass(frozen=True)
class Contents:
    """`cache` is DVC's cache, `committed` the folder with what git has of the study's results."""

    cache: Path
    committed: Path

    def find(self, value: str, path: str) -> Path | None:
        """A file with the MD5 `value`, of the output `path`; None if it is not here, or damaged."""
        candidates = (self.cache / "files/md5" / value[:2] / value[2:], self.committed / path)
        return next((each for each in candidates if each.is_file() and md5(each) == value.removesuffix(FOLDER)), None)

    def listing(self, value: str, path: str) -> dict[str, str] | None:
        """The files in a folder of this hash, with their MD5; of a file itself, by an empty name; None if unknown."""
        if not value.endswith(FOLDER):
            return {"": value}
        found = self.find(value, path)
        if found is None:
            return None
        try:
            return {entry["relpath"]: entry["md5"] for entry in json.loads(found.read_bytes())}
        except (ValueError, TypeError, KeyError):
            return None


def files_in(path: Path) -> dict[str, str]:
    """The same for a file or a folder that was made again. Raises `UserError` if it is not there."""
    if path.is_dir():
        return {each.relative_to(path).as_posix(): md5(each) for each in sorted(path.rglob("*")) if each.is_file()}
    return {"": md5(path)} if path.exists() else {}
