"""All that this project uses of DVC, whose inner parts promise nothing: `tests/pipeline/test_dvc.py` holds them to it.

Importing it takes a second: import it where it is used.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.stage import Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.utils.serialize import modify_yaml

from latentlab.errors import UserError

__all__ = ["Repo", "Stage"]

Done = subprocess.CompletedProcess[str]


@contextmanager
def locked(root: Path) -> Iterator[Repo]:
    """The project at `root`, with DVC's lock held. What DVC refuses becomes a `UserError`."""
    try:
        with Repo(str(root)) as repo, repo.lock:
            yield repo
    except DvcException as error:
        raise UserError(" ".join(str(error).split())) from None


def in_order(repo: Repo) -> dict[Stage, set[Stage]]:
    """All stages in the order of `dvc repro`, each with those that it waits for."""
    graph = repo.index.graph
    return {stage: set(graph.successors(stage)) for stage in plan_repro(graph)}


def brought_back(stage: Stage) -> bool:
    """Take a changed stage's outputs from the run cache. If they are not there, get ready to run its command.

    Old outputs are removed as `dvc repro` does. Dependencies are hashed now: what changes while the command runs must
    not count as used.
    """
    stage.remove_outs(ignore_remove=False, force=False)
    try:
        stage.repo.stage_cache.restore(stage)
    except RunCacheNotFoundError:
        stage.save_deps()
        return False
    record(stage)
    return True


def run_command(stage: Stage) -> Done:
    """Run a stage's command as DVC does, and keep what it prints."""
    environment = os.environ | {"DVC_ROOT": stage.repo.root_dir, "DVC_STAGE": stage.addressing}
    return subprocess.run(stage.cmd, shell=True, cwd=stage.wdir, env=environment, capture_output=True, text=True)


def record(stage: Stage) -> None:
    """Hash the outputs, put them into the cache and the stage into dvc.lock."""
    stage.save()
    stage.commit()
    stage.dump(update_pipeline=False)


def sort_lock(order: Sequence[str], path: Path) -> None:
    """Put the stages in the dvc.lock at `path` into the order of `dvc repro`, whichever finished first."""
    with modify_yaml(str(path)) as lock:
        stages = lock["stages"]
        ordered = {name: stages[name] for name in order if name in stages}
        if list(ordered) != list(stages):
            lock["stages"] = ordered | {name: value for name, value in stages.items() if name not in ordered}


def check_out_outputs(name: str) -> None:
    """Bring back the outputs that dvc.lock has of a stage, as far as the cache has them."""
    with Repo() as repo:
        for stage in repo.stage.collect(name):
            for output in stage.outs:
                if output.hash_info and output.use_cache and not output.changed_cache():
                    output.checkout(force=True)


def files_of(commit: str) -> Any:
    """The files of a commit, those in the cache or a remote included, as an fsspec file system."""
    return DVCFileSystem(url=".", rev=commit)
