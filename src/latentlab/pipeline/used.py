"""Whether the data that a stage has read is the data that dvc.lock says it has read.

DVC hashes what a stage depends on again when its command has ended: what was changed meanwhile is recorded as if it had
been used, and handed out so by the run cache. So `prepare` and `train` note the hashes of what they are about to read.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.errors import UserError, first_of
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import hashes, stages_in_lock
from latentlab.storage.json import read_json

NOTE = "data"  # the key in the notes


def hashes_of(*files: Path) -> dict[str, str]:
    """MD5 of files or folders by their path, as they are now. Raises `UserError`."""
    return {path.as_posix(): md5(path) for path in files}


def misrecorded(note: Mapping[str, Any], recorded: Mapping[str, str]) -> list[str]:
    """Paths in the note of a stage whose hash is not the one that dvc.lock has `recorded`."""
    return [path for path, value in note.get(NOTE, {}).items() if recorded.get(path) != value]


def misrecorded_error(path: str, stage: str) -> UserError:
    """What to say of a result whose data was changed: the first `dvc repro` forgets the stage, the next one runs it."""
    return UserError(f"dvc.lock: its {path} is not what {stage} has read; run `dvc repro` twice")


def changed_under_stages(variants: Iterable[str]) -> dict[str, str]:
    """Names of stages in dvc.lock under which data was changed, with the first path of it.

    Where the data is now what it was when it was read, DVC itself sees the difference, if it is one: it need not hash
    every file in a folder.
    """
    lock = stages_in_lock()
    notes = {"prepare": paths.RAW_USED, **{name_of("train", each): paths.training(each) for each in variants}}
    found = {}
    for name, path in notes.items():
        outputs, dependencies = (hashes(lock.get(name), group) for group in ("outs", "deps"))
        if not path.exists() or outputs.get(path.as_posix()) != md5(path):
            continue  # the stage has to run anyway, or its files are to come from the cache
        note = read_json(path)
        wrong = [each for each in misrecorded(note, dependencies) if _is_other(Path(each), note[NOTE][each])]
        if wrong:
            found[name] = wrong[0]
    return found


def _is_other(path: Path, value: str) -> bool:
    return not path.exists() or md5(path) != value


def forget_misrecorded(variants: Iterable[str]) -> None:
    """Remove from dvc.lock and the run cache what they say of stages under which data was changed.

    Raises `UserError` if there was any: DVC has read dvc.lock already and would go by what it said.
    """
    found = changed_under_stages(variants)
    if not found:
        return
    from latentlab.pipeline.dvc import drop_from_lock, forget_run  # DVC takes a second

    for name in found:
        forget_run(name)
    drop_from_lock(paths.LOCK, list(found))
    names = first_of(list(found))
    raise UserError(
        f"dvc.lock: its {next(iter(found.values()))} is not what {names} has read, as it was changed meanwhile; "
        "that is forgotten, run again"
    )
