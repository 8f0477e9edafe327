"""What travels between the run and a worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from latentlab.pipeline.objects import Files
from latentlab.runner.processes import Command


@dataclass(frozen=True)
class Travel:
    """How a stage's files go to a worker that does not see the project, and come back."""

    inner: str  # the study's folder, from the project's root
    needed: Files
    kept: list[str]  # outputs for DVC's cache, from the project's root
    others: list[str]
    remote: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """A stage's command; without `travel` it runs in the project's own folder."""

    key: str
    project: str
    text: str
    folder: Path
    variables: Mapping[str, str]
    terminal: bool  # whether it is to show its progress
    mark: Path  # a file that has the project's name, where its folder is seen
    travel: Travel | None = None

    @property
    def command(self) -> Command:
        """To be run where the folder is seen."""
        return Command(self.text, self.folder, self.variables)


@dataclass(frozen=True)
class Outcome:
    """What came of it: the exit code, all lines that stay, outputs by hash and by content."""

    code: int
    lines: list[str]
    made: Files = field(default_factory=Files)
