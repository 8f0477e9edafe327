"""Commands of stages on this machine: each in a process that ends when this one does, with all that it says."""

import codecs
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from latentlab.runner.parent import RUNNER

GRACE = 10.0  # seconds from SIGTERM to SIGKILL
COLUMNS = 200  # of the terminal that a stage sees

Tell = Callable[[str, bool], None]  # a line, and whether it stays: a progress bar is written over


@dataclass(frozen=True)
class Command:
    """What DVC runs for a stage: a shell command, or several, in a folder, with variables added to the environment."""

    text: str
    folder: Path
    variables: Mapping[str, str]

    @property
    def arguments(self) -> list[str] | None:
        """The words of the command, if it is one of Python that needs no shell."""
        special = set(self.text) & set("|&;<>()$`\\\"'*?[]#~=%\n{}!")
        return shlex.split(self.text) if self.text.startswith("python ") and not special else None

    @property
    def environment(self) -> dict[str, str]:
        """All of its environment."""
        # a `python` in the command is this one, whether its environment is active or not
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        runner = {RUNNER: str(os.getpid())} if self.arguments else {}
        return {**os.environ, **self.variables, **runner, "PATH": path}


class Started(Protocol):
    """A process that has been started, by whatever way."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""


Start = Callable[[Command, int], Started]


def start(command: Command, output: int) -> Started:
    """A new process whose output goes to a file descriptor."""
    return subprocess.Popen(
        command.arguments or command.text,
        shell=command.arguments is None,
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


class Processes:
    """What runs at the moment. Threads call `run`, whoever ends it all calls `end`."""

    def __init__(self, starts: Start = start, terminal: bool = False) -> None:
        self._start = starts
        self._terminal = terminal
        self._lock = threading.Lock()
        self._running: list[tuple[Started, Command]] = []
        self._ending = False

    def run(self, command: Command, tell: Tell) -> int:
        """Run a command to its end; its exit code as a shell gives it. `tell` gets what it says as it comes."""
        with self._lock:
            if self._ending:
                return 128 + signal.SIGTERM
        with ExitStack() as stack:
            ours, theirs = _terminal() if self._terminal else os.pipe()
            stack.callback(os.close, ours)
            try:
                process = self._start(command, theirs)  # may wait for imports, hence without the lock
            finally:
                os.close(theirs)
            stack.enter_context(self._known(process, command))
            code = _listen(process, ours, tell)
            if code < 0:
                tell(f"error: ended by {_name(-code)}", True)
        return code if code >= 0 else 128 - code

    @contextmanager
    def _known(self, process: Started, command: Command) -> Iterator[None]:
        """Have `end` know of a process. It is ended here if that was called before, and after an error."""
        with self._lock:
            self._running.append((process, command))
            too_late = self._ending
        try:
            if too_late:
                _kill(process)
            yield
        except BaseException:
            _kill(process)
            raise
        finally:
            with self._lock:
                self._running.remove((process, command))

    def end(self) -> None:
        """End all that runs: SIGTERM to what was started, then SIGKILL to what is left of its group."""
        with self._lock:
            self._ending = True
            running = list(self._running)
        for process, command in running:
            # a stage passes it on, a shell does not
            _signal(process.pid if command.arguments else -process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(process.poll() is None for process, _ in running):
            time.sleep(0.02)
        for process, _ in running:
            _kill(process)


def _kill(process: Started) -> None:
    """End a process and its group at once."""
    _signal(-process.pid, signal.SIGKILL)
    while process.poll() is None:
        _signal(process.pid, signal.SIGKILL)  # it may not lead its group yet
        time.sleep(0.01)


def _name(number: int) -> str:
    """What a signal is called."""
    return next((each.name for each in signal.Signals if each == number), f"signal {number}")


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, or another user's by now, as of `sudo`
        os.kill(process, number)


def _terminal() -> tuple[int, int]:
    """A pseudo-terminal, on which progress bars show: the end to read from, and the one to write to."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    return ours, theirs


def _listen(process: Started, output: int, tell: Tell) -> int:
    """Tell all that a process says; its exit code when it has ended. What outlives it, it may leave unheard."""
    lines = _Lines(tell)
    while True:
        ended = process.poll()
        if select.select([output], [], [], 0 if ended is not None else 0.05)[0]:
            if content := _read(output):
                lines.add(content)
                continue
            if ended is None:  # it closed its output and goes on
                time.sleep(0.02)
                continue
        if ended is not None:
            lines.finish()
            return ended


def _read(output: int) -> bytes:
    try:
        return os.read(output, 2**16)
    except OSError:  # how a pseudo-terminal ends
        return b""


class _Lines:
    """Bytes as lines. A carriage return ends one that is written over, as that of a progress bar."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, content: bytes) -> None:
        """Take in some bytes."""
        # a terminal adds a carriage return to each line feed, also where there is one
        self._rest = re.sub("\r+\n", "\n", self._rest + self._decoder.decode(content))
        while (at := min((i for i in map(self._rest.find, "\r\n") if i >= 0), default=-1)) >= 0:
            if not self._rest[at:].strip("\r"):
                return  # the line feed may come next
            line, end, self._rest = self._rest[:at], self._rest[at], self._rest[at + 1 :]
            if line.strip():
                self._tell(line.rstrip(), end == "\n")

    def finish(self) -> None:
        """The last line, if nothing ended it."""
        if self._rest.strip():
            self._tell(self._rest.strip(), True)
