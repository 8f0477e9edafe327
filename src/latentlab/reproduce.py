"""`dvc repro` with stages side by side.

DVC runs one stage after the other, and most of a small study's time is imports that use one core. Here every stage
whose dependencies stand may start, at most `jobs` at once. What to run, the run cache, the outputs and `dvc.lock`
stay DVC's business: afterwards `dvc repro` finds everything up to date.
"""

import logging
import os
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.stage import Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.utils.serialize import modify_yaml
from tqdm import tqdm

from latentlab.errors import UserError

Done = subprocess.CompletedProcess[str]


def reproduce(jobs: int, root: Path = Path()) -> int:
    """Bring every stage of the project up to date; the number of stages that had to run.

    Raises `UserError` when DVC cannot read the project, or when a stage fails; stages that run beside it are
    finished and recorded first.
    """
    logging.getLogger("dvc").setLevel(logging.WARNING)  # it would tell of every update of dvc.lock
    try:
        with Repo(str(root)) as repo, repo.lock:
            plan = plan_repro(repo.index.graph)
            ran = _Run(repo, plan, jobs).all()
            _sort_lock([stage.addressing for stage in plan], root / "dvc.lock")
            return ran
    except DvcException as error:
        raise UserError(" ".join(str(error).split())) from None


class _Run:
    """The state of one call: which stages wait for which, and which are at work."""

    def __init__(self, repo: Repo, plan: list[Stage], jobs: int) -> None:
        self.waiting = {stage: set(repo.index.graph.successors(stage)) for stage in plan}
        self.running: dict[Future[Done], Stage] = {}
        self.jobs = jobs
        self.ran = 0
        self.progress = tqdm(total=len(plan), desc="stages", disable=None)

    def all(self) -> int:
        failed: list[str] = []
        with ThreadPoolExecutor(self.jobs) as pool, self.progress:
            while self.running or (self.waiting and not failed):
                if not failed:
                    self._start_ready(pool)
                if self.running:
                    failed += self._finish()
        if failed:
            raise UserError(f"stopped, as {' and '.join(failed)} failed; results of other stages are kept")
        return self.ran

    def _start_ready(self, pool: ThreadPoolExecutor) -> None:
        """Start what can start; a stage that is up to date may make others ready, hence the loop."""
        progressed = True
        while progressed:
            progressed = False
            for stage in [stage for stage, needs in self.waiting.items() if not needs]:
                if len(self.running) == self.jobs:
                    return
                del self.waiting[stage]
                if _must_run(stage):
                    self.running[pool.submit(_command, stage)] = stage
                else:
                    self._done(stage)
                progressed = True

    def _finish(self) -> list[str]:
        """Wait for a stage or more and record them; names of those that failed."""
        names = sorted(stage.addressing for stage in self.running.values())
        self.progress.set_postfix_str(", ".join(names))
        failed = []
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            stage, result = self.running.pop(future), future.result()
            tqdm.write(result.stdout, end="")
            tqdm.write(result.stderr, end="", file=sys.stderr)
            if result.returncode:
                failed.append(stage.addressing)
                continue
            _record(stage)
            self.ran += 1
            self._done(stage)
        return failed

    def _done(self, stage: Stage) -> None:
        self.progress.update()
        for needs in self.waiting.values():
            needs.discard(stage)


def _must_run(stage: Stage) -> bool:
    """Whether the stage's command has to run: not if it is up to date, nor if DVC's run cache has its outputs."""
    if not stage.changed():
        return False
    stage.remove_outs(ignore_remove=False, force=False)
    try:
        stage.repo.stage_cache.restore(stage)
    except RunCacheNotFoundError:
        stage.save_deps()  # before the command: what changes while it runs must not count as used
        return True
    _record(stage)
    print(f"{stage.addressing}: outputs were in the run cache")
    return False


def _command(stage: Stage) -> Done:
    environment = os.environ | {"DVC_ROOT": stage.repo.root_dir, "DVC_STAGE": stage.addressing}
    return subprocess.run(stage.cmd, shell=True, cwd=stage.wdir, env=environment, capture_output=True, text=True)


def _record(stage: Stage) -> None:
    """Hash the outputs, put them into the cache and the stage into dvc.lock."""
    stage.save()
    stage.commit()
    stage.dump(update_pipeline=False)


def _sort_lock(order: list[str], path: Path) -> None:
    """Put the stages in dvc.lock into the order of `dvc repro`, whichever finished first."""
    with modify_yaml(str(path)) as lock:
        stages = lock["stages"]
        ordered = {name: stages[name] for name in order if name in stages}
        if list(ordered) != list(stages):
            lock["stages"] = ordered | {name: value for name, value in stages.items() if name not in ordered}
