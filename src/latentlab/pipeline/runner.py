"""`dvc repro` with stages side by side.

DVC runs one stage after the other, and most of a tiny study's time is imports, which use one core. Here every stage
whose dependencies stand may start, at most `jobs` at once. What to run, the run cache, the outputs and `dvc.lock`
stay DVC's business: afterwards `dvc repro` finds everything up to date.
"""

import logging
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from tqdm import tqdm

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline import dvc


def reproduce(jobs: int) -> int:
    """Bring every stage of the current folder's study up to date; the number of those that had to run, `plan` aside.

    Raises `UserError` when DVC cannot read the project, or when a stage fails; stages that run beside it are
    finished and recorded first.
    """
    logging.getLogger("dvc").setLevel(logging.WARNING)  # it would tell of every update of dvc.lock
    with dvc.locked() as repo:
        waiting = dvc.in_order(repo)
        work = _Run(waiting, jobs)
        work.all()
        if work.recorded:  # DVC puts new stages in the order in which they end
            dvc.sort_lock([dvc.name_in_lock(stage) for stage in waiting], paths.LOCK)
        return work.ran


class _Run:
    """The state of one call: which stages wait for which, and which are at work."""

    def __init__(self, waiting: dict[dvc.Stage, set[dvc.Stage]], jobs: int) -> None:
        self.waiting = {stage: set(needs) for stage, needs in waiting.items()}
        self.running: dict[Future[dvc.Done], dvc.Stage] = {}
        self.jobs = jobs
        self.ran = 0  # stages whose command ran, `plan` aside
        self.recorded = 0  # stages that came into dvc.lock anew
        self.progress = tqdm(total=len(waiting), desc="stages", disable=None)

    def all(self) -> None:
        """Bring all stages up to date. Raises `UserError` if one fails."""
        failed: list[str] = []
        with ThreadPoolExecutor(self.jobs) as pool, self.progress:
            while self.running or (self.waiting and not failed):
                if not failed:
                    self._start_ready(pool)
                if self.running:
                    failed += self._finish()
        if failed:
            raise UserError(f"stopped, as {' and '.join(failed)} failed; results of other stages are kept")

    def _start_ready(self, pool: ThreadPoolExecutor) -> None:
        """Start what can start; a stage that is up to date may make others ready, hence the loop."""
        progressed = True
        while progressed:
            progressed = False
            for stage in [stage for stage, needs in self.waiting.items() if not needs]:
                if len(self.running) == self.jobs:
                    return
                del self.waiting[stage]
                if not stage.changed():
                    self._done(stage)
                elif self._brought_up_to_date(stage):
                    self.recorded += 1
                    self._done(stage)
                else:
                    self.running[pool.submit(dvc.run_command, stage)] = stage
                progressed = True

    def _brought_up_to_date(self, stage: dvc.Stage) -> bool:
        """Whether a changed stage needs no command: it has none, or DVC's run cache has its outputs."""
        if not dvc.has_command(stage):
            dvc.bring_up_to_date(stage)
            return True
        if not dvc.brought_back(stage):
            return False
        tqdm.write(f"{stage.addressing}: outputs were in the run cache")
        return True

    def _finish(self) -> list[str]:
        """Wait for a stage or more and record them; names of those that failed."""
        names = sorted(stage.addressing for stage in self.running.values())
        self.progress.set_postfix_str(", ".join(names))
        failed = []
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            stage, result = self.running.pop(future), future.result()
            tqdm.write(result.stdout, end="")
            tqdm.write(result.stderr, end="", file=sys.stderr)
            if result.returncode or not self._recorded(stage):
                failed.append(stage.addressing)
                continue
            self.ran += not stage.always_changed
            self.recorded += not stage.always_changed
            self._done(stage)
        return failed

    def _recorded(self, stage: dvc.Stage) -> bool:
        """Record a stage that ended well. What its command did not make is one line."""
        try:
            dvc.record(stage)
        except dvc.DvcException as error:
            tqdm.write(f"error: {stage.addressing}: {' '.join(str(error).split())}", file=sys.stderr)
            return False
        return True

    def _done(self, stage: dvc.Stage) -> None:
        self.progress.update()
        for needs in self.waiting.values():
            needs.discard(stage)
