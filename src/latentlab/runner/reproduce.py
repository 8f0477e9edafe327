"""`dvc repro` with stages side by side.

What to run, the run cache, the outputs and `dvc.lock` stay DVC's business, and one thread alone talks to it: afterwards
`dvc repro` finds everything up to date.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline import dvc
from latentlab.pipeline.plan import numerics_of
from latentlab.pipeline.restore import bring_back
from latentlab.runner.display import Board, Display, Lines, Terminal
from latentlab.runner.hosts import Host, Local
from latentlab.runner.labels import Label, labels
from latentlab.runner.logs import Logs
from latentlab.runner.processes import Tell
from latentlab.runner.project import held
from latentlab.runner.scheduler import InterruptedRunError, Room, Scheduler, State
from latentlab.runner.signals import heeding

# how tqdm shows a training's progress in a line of few words
BAR = ("TQDM_BAR_FORMAT", "{n_fmt} of {total_fmt} {unit}s, {remaining} left{postfix}")
NAMED = 6  # stages in one line
LAST_LINES = 5  # of a stage that failed
FAILED = 255  # the exit code of `dvc repro` then
SIGNALLED = 128  # an exit code above is that of a process that a signal has ended
FAULTS = (*dvc.FAULTS, UserError)


class StagesFailedError(UserError):
    """Stages that failed, and what was left out for that."""

    exit_code = FAILED


class EndedError(UserError):
    """The run was ended by Ctrl-C or a signal."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.exit_code = 128 + number


def reproduce(
    targets: Sequence[str] = (str(paths.PIPELINE),),
    jobs: int | None = None,
    keep_going: bool = True,
    warm: bool = True,
    show: Callable[[Board], Display] | None = None,
    hosts: Callable[[dvc.Repo], Host] | None = None,
) -> int:
    """Bring every stage of the targets up to date; the number of those that had to run, `plan` aside.

    A target is a study's dvc.yaml, or a stage in the current folder. `jobs` is how many cores are used at once, all
    that this process has without it. `hosts` gives a host for the project that is not this machine. Raises
    `UserError` when DVC cannot read the project, `StagesFailedError` when stages fail, those that do not depend on them
    have run then, and `EndedError`; what ended well is recorded in any case.
    """
    logging.getLogger("dvc").setLevel(logging.WARNING)  # it would tell of every update of dvc.lock
    logging.getLogger("dvc.progress").setLevel(logging.CRITICAL)  # and show bars of its own
    with ExitStack() as stack:
        repo = stack.enter_context(held())
        waiting = dvc.in_order(repo, targets)
        host = hosts(repo) if hosts else Local(jobs, warm)
        return _Run(waiting, host, stack, show or _shown).all(keep_going)


def _shown(board: Board) -> Display:
    """What a run is seen by: a board in a terminal, else lines."""
    return Terminal(board) if sys.stdout.isatty() else Lines()


class _Run:
    """One call: the work of the scheduler."""

    def __init__(
        self,
        waiting: Mapping[dvc.Stage, set[dvc.Stage]],
        host: Host,
        stack: ExitStack,
        show: Callable[[Board], Display],
    ) -> None:
        self.waiting = waiting
        self.host = host
        stack.callback(host.end)
        self.labels = labels(waiting)
        self.logs = Logs({label: dvc.folder_of(stage) for stage, label in self.labels.items()})
        self.display = show(Board(list(self.labels.values()), self.logs.seconds, host.whole.cores))
        alive = isinstance(self.display, Terminal)
        if alive:
            os.environ.setdefault(*BAR)
        self.pool = ThreadPoolExecutor(max_workers=len(waiting) or 1)
        stack.callback(self._stop)
        stack.enter_context(self.display)
        self.ending = False
        self.ran = 0  # stages whose command ran, `plan` aside
        self.without: set[dvc.Stage] = set()  # stages whose outputs were removed, to be made anew
        self.recorded: set[Path] = set()  # folders with a dvc.lock that has something new

    def all(self, keep_going: bool) -> int:
        """Bring all stages up to date. Raises `StagesFailedError` and `EndedError`."""
        scheduler = Scheduler(self.waiting, self, self.pool, self.host.whole, keep_going, self._cost)
        self.host.open(isinstance(self.display, Terminal), scheduler.resize, self.display.note)
        try:
            try:
                with heeding(scheduler.interrupt):
                    scheduler.run()
            finally:
                self._finish(scheduler)
        except InterruptedRunError as interrupted:
            raise EndedError(self._how_far(scheduler.states), interrupted.number) from None
        self._check(scheduler.states)
        return self.ran

    def _finish(self, scheduler: Scheduler[dvc.Stage]) -> None:
        """Leave nothing running, record all that ended well, and bring back what the others had."""
        if State.RUNNING in scheduler.states.values():
            self.display.note("ending what runs")
        self._stop()
        scheduler.take_in_ended()
        for stage in list(self.without):
            self._bring_back(stage)
        self._sort_locks()
        self.logs.close()

    def _stop(self) -> None:
        """End all that runs, and wait for it."""
        self.ending = True
        self.host.end()  # before the threads that may wait for it
        self.pool.shutdown(cancel_futures=True)

    def _cost(self, key: dvc.Stage) -> float:
        """Seconds of the run before; without them those of such a stage of another variant, or else another study."""
        label, seconds = self.labels[key], self.logs.seconds
        if label in seconds:
            return seconds[label]
        alike = {each: value for each, value in seconds.items() if each.stage == label.stage}
        return max([value for each, value in alike.items() if each.study == label.study] or alike.values(), default=1.0)

    def room(self, key: dvc.Stage) -> Room:
        """What a stage takes, as far as is known before it runs."""
        return self.host.room(key, self.labels[key])

    def begin(self, key: dvc.Stage) -> Callable[[], int] | State:
        """What is to run for a stage, if it is not up to date, and the run cache has not its outputs."""
        try:
            if self._is_up_to_date(key):
                return State.UNCHANGED
            command = self.host.prepare(key, self.labels[key])
        except FAULTS as error:
            return self._failed(key, dvc.one_line(error))
        return lambda: self._at_work(self.labels[key], command)

    def _is_up_to_date(self, stage: dvc.Stage) -> bool:
        """Whether it is, or is so now. If not, its outputs are removed."""
        if not stage.changed():
            return True
        if not dvc.has_command(stage):
            dvc.bring_up_to_date(stage)
            return True
        self.without.add(stage)
        if not dvc.brought_back(stage):
            return False
        self.without.remove(stage)
        self.recorded.add(dvc.folder_of(stage))
        self.display.note(f"{self.labels[stage]}: outputs were in the run cache")
        return True

    def _failed(self, stage: dvc.Stage, fault: str) -> State:
        """Tell what kept a stage from running, and bring back what it had."""
        self.display.note(f"{self.labels[stage]}: error: {fault}", fault=True)
        self._bring_back(stage)
        return State.FAILED

    def _bring_back(self, stage: dvc.Stage) -> None:
        """Bring back the outputs of the last good run, if they were removed. The stage itself may have done so."""
        if stage in self.without:
            self.without.remove(stage)
            if fault := bring_back(f"{stage.path}:{dvc.name_in_lock(stage)}"):
                self.display.note(f"{self.labels[stage]}: warning: {fault}", fault=True)

    def _at_work(self, label: Label, command: Callable[[Tell], int]) -> int:
        """In a thread of its own."""
        with self.logs.of(label) as log:

            def tell(line: str, stays: bool) -> None:
                if stays:
                    log.write(line)
                self.display.said(label, line, stays)

            return command(tell)

    def end(self, key: dvc.Stage, future: Future[Any]) -> State:
        """Record a stage that ended well, or bring back what it had."""
        label = self.labels[key]
        if future.cancelled():
            self._bring_back(key)
            return State.ENDED
        if error := future.exception():
            return self._failed(key, str(error) if isinstance(error, UserError) else repr(error))
        code = future.result() or self._record(key)
        if code:
            self._bring_back(key)
            if self.ending and code > SIGNALLED:
                self.display.note(f"{label} ended")
                return State.ENDED
            self._tell_failure(label, code)
            return State.FAILED
        self.without.remove(key)
        if not key.always_changed:
            self.ran += 1
            self.recorded.add(dvc.folder_of(key))
        return State.DONE

    def _record(self, stage: dvc.Stage) -> int:
        """Record it, and give 0; what its command did not make, or DVC cannot write, is one line and 1."""
        try:
            self.host.take_in(stage)
            dvc.record(stage)
        except FAULTS as error:
            fault = f"error: {dvc.one_line(error)}"
            self.logs.add(self.labels[stage], fault)
            self.display.said(self.labels[stage], fault, stays=True)
            return 1
        return 0

    def _tell_failure(self, label: Label, code: int) -> None:
        self.display.note(f"{label} failed with exit code {code}, log: {self.logs.path(label)}", fault=True)
        if isinstance(self.display, Terminal):  # elsewhere its lines were all printed
            for line in self.logs.last(label, LAST_LINES):
                self.display.note(f"    {line}", fault=True)

    def turned(self, key: dvc.Stage, state: State) -> None:
        """Show where a stage stands."""
        self.logs.turned(self.labels[key], state)
        if state is State.RUNNING and self.labels[key].stage == "prepare":
            numerics = numerics_of(dvc.folder_of(key) / paths.plan("prepare"))
            self.host.make_ready("train", numerics)  # with other data all is trained again
        self.display.turned(self.labels[key], state)

    def _sort_locks(self) -> None:
        """DVC puts new stages in the order in which they end."""
        for folder in self.recorded:
            names = [dvc.name_in_lock(stage) for stage in self.waiting if dvc.folder_of(stage) == folder]
            dvc.sort_lock(names, folder / paths.LOCK)

    def _named(self, states: Mapping[dvc.Stage, State], state: State) -> list[str]:
        return [str(self.labels[stage]) for stage, each in states.items() if each is state]

    def _check(self, states: Mapping[dvc.Stage, State]) -> None:
        failed = self._named(states, State.FAILED)
        if not failed:
            return
        left_out = self._named(states, State.LEFT_OUT) + self._named(states, State.WAITING)
        more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        rest = f"; left out for that: {', '.join(left_out[:NAMED])}{more}" if left_out else ""
        raise StagesFailedError(f"{' and '.join(failed)} failed{rest}; results of other stages are kept")

    def _how_far(self, states: Mapping[dvc.Stage, State]) -> str:
        ended = len(self._named(states, State.DONE)) + len(self._named(states, State.UNCHANGED))
        return f"ended after {ended} of {len(states)} stages, which are recorded; the same command goes on from there"
