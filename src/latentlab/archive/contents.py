"""Which files of a study are in its archive: parameters, pipeline and dvc.lock, and all that this lock names."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.hashes import IGNORED

FIXED = (paths.PARAMS, paths.PUBLISHED, paths.PIPELINE, paths.LOCK)
MOST = 100_000  # files
# what stages read and write; nothing else may come out of an archive
PLACES = {paths.PLANS, paths.METRICS, paths.DATA, paths.MODELS, paths.PLOTS, paths.REPORT.parent}


def named_by(lock: Mapping[str, Any]) -> dict[str, str]:
    """The MD5 of each file and folder that stages of a dvc.lock have read or written. Raises `UserError`."""
    found: dict[str, str] = {}
    entries = list(islice(_entries(lock), MOST + 1))  # an alias of YAML makes millions of a few letters
    if len(entries) > MOST:
        raise UserError(f"dvc.lock: found more than {MOST:,} files, allowed: {MOST:,}")
    for entry in entries:
        path, value = _checked(entry)
        if found.setdefault(path, value) != value:
            raise UserError(f"dvc.lock: stages have read and written different {path}; `dvc repro` mends it")
    return found


def _entries(lock: Mapping[str, Any]) -> Iterator[Any]:
    """What stages have read and written, as the lock has it."""
    stages = lock.get("stages")
    if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
        raise UserError("dvc.lock: found no stages, allowed: those of a study that was run")
    for stage in stages.values():
        for group in ("deps", "outs"):
            found = stage.get(group, [])
            yield from found if isinstance(found, list) else [found]


def _checked(entry: Any) -> tuple[str, str]:
    """Path and MD5 of an entry."""
    match entry:
        case {"path": str(path), "md5": str(value)} if is_result(path):
            return path, value
    raise UserError(f"dvc.lock: found {str(entry)[:100]}, allowed: paths of results in the study, with their md5")


def is_result(path: str) -> bool:
    """Whether a path is one that stages read or write, in the study's own folder."""
    parts = PurePosixPath(path).parts
    inside = path == PurePosixPath(path).as_posix() and "\\" not in path and not {"..", *IGNORED}.intersection(parts)
    return inside and bool(parts) and (path == paths.TABLES.as_posix() or Path(parts[0]) in PLACES)


def files_below(path: Path) -> Iterator[Path]:
    """The file itself, or all files in the folder that DVC counts, in order."""
    if not path.is_dir():
        yield path
        return
    for each in sorted(path.rglob("*")):
        if each.is_file() and not IGNORED.intersection(each.relative_to(path).parts):
            yield each
