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

from latentlab.config import paths, project
from latentlab.errors import UserError
from latentlab.pipeline import dvc
from latentlab.runner import machine, needs
from latentlab.runner.display import Board, Display, Lines, Terminal
from latentlab.runner.labels import Label, labels
from latentlab.runner.logs import Logs
from latentlab.runner.processes import Command, Processes, start
from latentlab.runner.scheduler import InterruptedRunError, Room, Scheduler, State
from latentlab.runner.signals import heeding
from latentlab.runner.warm import Warm, available
from latentlab.storage.only_one import only_one

# how tqdm shows a training's progress in a line of few words
BAR = ("TQDM_BAR_FORMAT", "{n_fmt} of {total_fmt} {unit}s, {remaining} left{postfix}")
NAMED = 6  # stages in one line
LAST_LINES = 5  # of a stage that failed
FAILED = 255  # the exit code of `dvc repro` then


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
) -> int:
    """Bring every stage of the targets up to date; the number of those that had to run, `plan` aside.

    A target is a study's dvc.yaml, or a stage in the current folder. `jobs` is how many cores are used at once, all
    that this process has without it. Raises `UserError` when DVC cannot read the project, `StagesFailedError` when
    stages fail, those that do not depend on them have run then, and `EndedError`; what ended well is recorded in any
    case.
    """
    logging.getLogger("dvc").setLevel(logging.WARNING)  # it would tell of every update of dvc.lock
    logging.getLogger("dvc.progress").setLevel(logging.CRITICAL)  # and show bars of its own
    whole = machine.whole_machine()
    room = Room(jobs or whole.cores, whole.memory)
    with ExitStack() as stack:
        if (project.root() / project.MARK).is_dir():  # elsewhere DVC says what is wrong
            stack.enter_context(only_one(project.root() / paths.RUNNER_LOCK, "runs the stages of this project"))
        repo = stack.enter_context(dvc.locked())
        waiting = dvc.in_order(repo, targets)
        run = _Run(waiting, room, stack, warm and available(), show or _shown)
        return run.all(keep_going)


def _shown(board: Board) -> Display:
    """What a run is seen by: a board in a terminal, else lines."""
    return Terminal(board) if sys.stdout.isatty() else Lines()


class _Run:
    """One call: the work of the scheduler."""

    def __init__(
        self,
        waiting: Mapping[dvc.Stage, set[dvc.Stage]],
        whole: Room,
        stack: ExitStack,
        warm: bool,
        show: Callable[[Board], Display],
    ) -> None:
        self.waiting = waiting
        self.whole = whole
        self.labels = labels(waiting)
        self.logs = Logs({label: dvc.folder_of(stage) for stage, label in self.labels.items()})
        self.display = show(Board(list(self.labels.values()), self.logs.seconds, whole.cores))
        alive = isinstance(self.display, Terminal)
        if alive:
            os.environ.setdefault(*BAR)
        self.forks = forks = Warm() if warm else None
        self.processes = Processes(forks.start if forks else start, alive)
        self.pool = ThreadPoolExecutor(max_workers=len(waiting) or 1)
        if forks:
            stack.callback(forks.close)
        stack.callback(self.pool.shutdown, cancel_futures=True)
        stack.callback(self.processes.end)
        stack.enter_context(self.display)
        self.ran = 0  # stages whose command ran, `plan` aside
        self.recorded: set[Path] = set()  # folders with a dvc.lock that has something new

    def all(self, keep_going: bool) -> int:
        """Bring all stages up to date. Raises `StagesFailedError` and `EndedError`."""
        scheduler = Scheduler(self.waiting, self, self.pool, self.whole, keep_going, self._cost)
        try:
            with heeding(scheduler.interrupt):
                scheduler.run()
        except InterruptedRunError as interrupted:
            self.display.note("ending what runs")
            self.processes.end()
            self.pool.shutdown(cancel_futures=True)
            scheduler.take_in_ended()
            raise EndedError(self._how_far(scheduler.states), interrupted.number) from None
        finally:
            self._sort_locks()
            self.logs.close()
        self._check(scheduler.states)
        return self.ran

    def _cost(self, key: dvc.Stage) -> float:
        """Seconds of the run before; those of such a stage of another variant, if it has none."""
        label, seconds = self.labels[key], self.logs.seconds
        likely = [value for name, value in seconds.items() if name.partition("@")[0] == label.stage]
        return seconds.get(label.name, max(likely, default=1.0))

    def room(self, key: dvc.Stage) -> Room:
        """What a stage takes, as far as is known before it runs."""
        return needs.room(self.labels[key], dvc.folder_of(key))

    def begin(self, key: dvc.Stage) -> Callable[[], int] | State:
        """What is to run for a stage, if it is not up to date, and the run cache has not its outputs."""
        label = self.labels[key]
        try:
            if not key.changed():
                return State.UNCHANGED
            if not dvc.has_command(key):
                dvc.bring_up_to_date(key)
                return State.UNCHANGED
            if dvc.brought_back(key):
                self.recorded.add(dvc.folder_of(key))
                self.display.note(f"{label}: outputs were in the run cache")
                return State.UNCHANGED
        except dvc.FAULTS as error:
            self.display.note(f"{label}: error: {dvc.one_line(error)}", fault=True)
            return State.FAILED
        text, folder, variables = dvc.command(key)
        return lambda: self._at_work(label, Command(text, folder, variables))

    def _at_work(self, label: Label, command: Command) -> int:
        """In a thread of its own."""
        with self.logs.of(label) as log:

            def tell(line: str, stays: bool) -> None:
                if stays:
                    log.write(line)
                self.display.said(label, line, stays)

            return self.processes.run(command, tell)

    def end(self, key: dvc.Stage, future: Future[Any]) -> bool:
        """Record a stage that ended well."""
        label = self.labels[key]
        code = future.result()
        if code == 0 and (fault := self._record(key)):
            self.logs.add(label, fault)
            self.display.said(label, fault, stays=True)
            code = 1
        if code:
            self._tell_failure(label, code)
            return False
        if not key.always_changed:
            self.ran += 1
            self.recorded.add(dvc.folder_of(key))
        return True

    def _record(self, stage: dvc.Stage) -> str:
        """Record it; what its command did not make, or DVC cannot write, is one line."""
        try:
            dvc.record(stage)
        except dvc.FAULTS as error:
            return f"error: {dvc.one_line(error)}"
        return ""

    def _tell_failure(self, label: Label, code: int) -> None:
        self.display.note(f"{label} failed with exit code {code}, log: {self.logs.path(label)}", fault=True)
        if isinstance(self.display, Terminal):  # elsewhere its lines were all printed
            for line in self.logs.last(label, LAST_LINES):
                self.display.note(f"    {line}", fault=True)

    def turned(self, key: dvc.Stage, state: State) -> None:
        """Show where a stage stands."""
        self.logs.turned(self.labels[key], state)
        if state is State.RUNNING and self.labels[key].stage == "prepare" and self.forks:
            self.forks.make_ready("train")  # with other data all is trained again
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
