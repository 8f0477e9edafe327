"""What each stage said, in a file of its own, and how long it took."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.runner.labels import Label
from latentlab.runner.scheduler import State
from latentlab.storage.json import read_json, write_json


class Log:
    """The log of one stage."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        """Add a line; a disk that is full is no reason to end a stage."""
        with suppress(OSError):
            self._file.write(line + "\n")
            self._file.flush()


class Logs:
    """Those of one run, in `logs/` of each study; and the seconds of each stage, of this run or the one before."""

    def __init__(self, folders: Mapping[Label, Path]) -> None:
        self._folders = folders
        self._began: dict[Label, float] = {}
        self._of = {folder: _read_seconds(folder) for folder in folders.values()}
        study = {folder: label.study for label, folder in folders.items()}
        self.seconds = {
            Label.of(study[folder], name): value for folder, known in self._of.items() for name, value in known.items()
        }

    def path(self, label: Label) -> Path:
        """Where a stage's log is."""
        return self._folders[label] / paths.log(label.name)

    @contextmanager
    def of(self, label: Label) -> Iterator[Log]:
        """The log of a stage, begun anew. Raises `UserError` if it cannot be written."""
        path = self.path(label)
        try:
            path.parent.mkdir(exist_ok=True)
            file = path.open("w")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from None
        with file:
            yield Log(file)

    def add(self, label: Label, line: str) -> None:
        """Add a line to the log of a stage that has ended, if there is one that can be written."""
        with suppress(OSError), self.path(label).open("a") as file:
            Log(file).write(line)

    def last(self, label: Label, count: int) -> list[str]:
        """The last lines of a stage, if they can be read."""
        with suppress(OSError), self.path(label).open() as file:
            return [line.rstrip("\n") for line in deque(file, count)]
        return []

    def turned(self, label: Label, state: State) -> None:
        """Take the time."""
        if state is State.RUNNING:
            self._began[label] = time.monotonic()
        elif state is State.DONE:
            self._of[self._folders[label]][label.name] = round(time.monotonic() - self._began[label], 1)

    def close(self) -> None:
        """Keep the seconds for a guess at the time that the next run takes; a full disk is no fault of this one."""
        for folder, seconds in self._of.items():
            if seconds != _read_seconds(folder):
                with suppress(UserError):
                    write_json(folder / paths.SECONDS, seconds)


def _read_seconds(folder: Path) -> dict[str, float]:
    try:
        return {name: float(value) for name, value in read_json(folder / paths.SECONDS).items()}
    except (UserError, TypeError, ValueError, AttributeError):  # none yet, or damaged: a guess less
        return {}
