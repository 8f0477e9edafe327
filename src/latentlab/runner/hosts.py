"""Where the commands of stages run: this machine, or others."""

from collections.abc import Callable
from typing import Protocol

from latentlab.numerics.portable import Numerics
from latentlab.pipeline import dvc
from latentlab.runner import machine, needs
from latentlab.runner.labels import Label
from latentlab.runner.processes import Command, Processes, Start, Tell, start
from latentlab.runner.scheduler import Room
from latentlab.runner.warm import Warm, available


class Host(Protocol):
    """What a run needs of it. `prepare`, `take_in` and `room` are called in the thread that talks to DVC."""

    @property
    def whole(self) -> Room:
        """All of its room."""

    def open(self, terminal: bool, resized: Callable[[Room], None], note: Callable[[str], None]) -> None:
        """Work begins, with somebody at a terminal or not; changes of the room, and notes, are to be told."""

    def room(self, stage: dvc.Stage, label: Label) -> Room:
        """What a stage takes of it."""

    def prepare(self, stage: dvc.Stage, label: Label) -> Callable[[Tell], int]:
        """What a thread calls to run a stage's command: it gives the exit code, and tells what the stage says.

        Raises `UserError`.
        """

    def take_in(self, stage: dvc.Stage) -> None:
        """Have the outputs of a stage whose command went well where DVC looks for them. Raises `UserError`."""

    def make_ready(self, stage: str, numerics: Numerics | None) -> None:
        """Such stages are about to run."""

    def end(self) -> None:
        """End all that runs, and wait for it; nothing can be run here any more. It may be called twice."""


class Local:
    """The machine that this process runs on, as far as it may use it, or `jobs` of its cores."""

    def __init__(self, jobs: int | None, warm: bool) -> None:
        whole = machine.whole_machine()
        self.whole = Room(jobs or whole.cores, whole.memory)
        self._forks = Warm() if warm and available() else None
        self._processes = Processes(self._starts)

    @property
    def _starts(self) -> Start:
        return self._forks.start if self._forks else start

    def open(self, terminal: bool, resized: Callable[[Room], None], note: Callable[[str], None]) -> None:
        """At a terminal stages have one, too, and so show their progress."""
        self._processes = Processes(self._starts, terminal)

    def room(self, stage: dvc.Stage, label: Label) -> Room:
        """As far as is known before it runs."""
        return needs.room(label, dvc.folder_of(stage))

    def prepare(self, stage: dvc.Stage, label: Label) -> Callable[[Tell], int]:
        """A process below this one."""
        command = Command(*dvc.command(stage))
        return lambda tell: self._processes.run(command, tell)

    def take_in(self, stage: dvc.Stage) -> None:
        """They are there."""

    def make_ready(self, stage: str, numerics: Numerics | None) -> None:
        """Begin to import what they need."""
        if self._forks:
            self._forks.make_ready(stage, numerics)

    def end(self) -> None:
        """First the processes, then those that they were forked from."""
        self._processes.end()
        if self._forks:
            self._forks.close()
