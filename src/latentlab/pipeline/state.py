"""How far a study is: whether it was ever run, and whether its results are those of its parameters and the code."""

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

from latentlab.config import params, paths, studies
from latentlab.errors import UserError, first_of
from latentlab.pipeline.plan import changes, lines, make_plans
from latentlab.pipeline.used import changed_under_stages

RESULTS = (paths.DATA, paths.MODELS, paths.METRICS, paths.PLOTS, paths.PLANS, paths.CHECKPOINTS)
MISSING = ("deleted", "not in cache")  # what DVC says of files that are not here


def state(folder: Path) -> str:
    """Never run, up to date, stale and why, or what keeps the study in a folder from running."""
    with chdir(folder):
        try:
            p = studies.load()
            studies.check_pipeline()
            if not paths.LOCK.exists():
                return "never run"
            stale = lines(changes(make_plans(p))) or lines(_unread(p))
            if not stale:
                from latentlab.pipeline.dvc import status  # takes a second

                return _of_status(status())
        except UserError as error:
            return str(error)
    return f"stale: {first_of(stale)}"


def _unread(p: params.Params) -> dict[str, str]:
    """What is wrong with dvc.lock, by the name of the stage."""
    return {stage: f"{path} is not what it has read" for stage, path in changed_under_stages(p.variants).items()}


def _of_status(status: dict[str, list[Any]]) -> str:
    found = [(stage, path, kind) for stage, entries in status.items() for path, kind in _changed(entries)]
    stale = [f"{stage}: {path} {kind}" for stage, path, kind in found if kind not in MISSING]
    if stale:
        return f"stale: {first_of(stale)}"
    return "files are missing: `dvc pull` or `latentlab reproduce` brings them" if found else "up to date"


def _changed(entries: list[Any]) -> Iterator[tuple[str, str]]:
    """Paths with what became of them, of the dependencies and outputs of a stage. Other entries are no dicts."""
    for entry in entries:
        if isinstance(entry, dict):
            for changed in entry.values():
                yield from changed.items()


def size(folder: Path) -> int:
    """Bytes of all files that stages have written for the study in a folder, and of its own images."""
    files = (path for part in RESULTS for path in (folder / part).rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file())
