"""Stages as forks of processes that have imported their libraries already: most of a small stage's time is imports."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.numerics.portable import Numerics, set_switches
from latentlab.pipeline.plan import numerics_of
from latentlab.runner import processes
from latentlab.runner.parent import RUNNER
from latentlab.runner.processes import Command, Started
from latentlab.runner.zygote import LARGEST, SCIENCE, TENSORFLOW

KINDS: Mapping[str, str] = {  # which libraries a stage needs; others start as ever
    **dict.fromkeys(("classifier", "train", "extract"), TENSORFLOW),
    **dict.fromkeys(("prepare", "references", "tsne", "evaluate", "plot", "compare", "report"), SCIENCE),
}
IF_THERE = {"track": TENSORFLOW}  # as MLflow is imported there, too; for it alone it would be more than it needs
PREFIX = ["python", "-m"]
ROOM = "latentlab.stages."
ANSWER = 300.0  # seconds that imports and a fork may take until a new process is started instead
SECOND_GPU = Path("/dev/nvidia1")


def available() -> bool:
    """Whether processes can be forked safely here: other systems than Linux forbid it, several GPUs were not tried."""
    return sys.platform == "linux" and not SECOND_GPU.exists()


class Warm:
    """Starts commands as forks where that can be had, else as new processes. Threads may call `start`."""

    def __init__(self) -> None:
        self._zygotes: dict[tuple[str, Numerics | None], _Zygote] = {}
        self._closed = False
        self._lock = threading.Lock()

    def start(self, command: Command, output: int) -> Started:
        """As `processes.start`."""
        stage, variant = _stage(command)
        if stage in KINDS or stage in IF_THERE:
            numerics = numerics_of(command.folder / paths.plan(name_of(stage, variant)))
            key = KINDS.get(stage) or IF_THERE[stage], numerics
            zygote = self._zygote(*key) if stage in KINDS or key in self._zygotes else None
            if forked := zygote and zygote.fork(command, output):
                return forked
        return processes.start(command, output)

    def make_ready(self, stage: str, numerics: Numerics | None) -> None:
        """Begin to import what a stage needs, which is about to run."""
        if stage in KINDS:
            self._zygote(KINDS[stage], numerics)

    def close(self) -> None:
        """End the processes that fork, and with them what they have forked; nobody waits for them any more."""
        with self._lock:
            self._closed = True
            zygotes = list(self._zygotes.values())
        for zygote in zygotes:
            zygote.close()

    def _zygote(self, kind: str, numerics: Numerics | None) -> "_Zygote | None":
        """That of a kind, whose libraries were loaded so; None if it cannot be started, or not any more."""
        key = kind, numerics
        with self._lock, suppress(OSError):
            if key not in self._zygotes and not self._closed:
                self._zygotes[key] = _Zygote(*key)
        return self._zygotes.get(key)


def _stage(command: Command) -> tuple[str, str | None]:
    """The stage that a command is, and its variant if it has one; empty if it is another one."""
    words = command.arguments or []
    if words[:2] != PREFIX or len(words) < 3 or not words[2].startswith(ROOM):
        return "", None
    return words[2].removeprefix(ROOM), words[3] if len(words) > 3 else None


@dataclass
class _Forked:
    """A process that a zygote has forked."""

    zygote: "_Zygote"
    pid: int

    def poll(self) -> int | None:
        return self.zygote.code_of(self.pid)


class _Zygote:
    """The process of `runner/zygote.py` for one kind of stages, seen from here."""

    def __init__(self, kind: str, numerics: Numerics | None) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = os.environ | {RUNNER: str(os.getpid())}
        if numerics:
            set_switches(numerics, environment)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "latentlab.runner.zygote", kind, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._asking = threading.Lock()
        self._news = threading.Condition()
        self._started: int | None = None
        self._codes: dict[int, int] = {}
        self._gone = False
        threading.Thread(target=self._hear, daemon=True).start()

    def fork(self, command: Command, output: int) -> Started | None:
        """The process of a command; None if this one cannot fork, for want of a library, or does not answer."""
        assert command.arguments
        _, _, module, *arguments = command.arguments
        request = {
            "module": module,
            "arguments": arguments,
            "folder": str(command.folder),
            "environment": command.environment,
        }
        content = json.dumps(request).encode()
        if len(content) > LARGEST:
            return None
        with self._asking:
            try:
                socket.send_fds(self._channel, [content], [output])
            except OSError:
                return None
            with self._news:
                answered = self._news.wait_for(lambda: self._gone or self._started is not None, ANSWER)
                if not answered:
                    self._process.kill()  # what it may have forked ends with it
                    self._news.wait_for(lambda: self._gone)
                process, self._started = self._started if answered else None, None
        return None if process is None else _Forked(self, process)

    def code_of(self, process: int) -> int | None:
        """The exit code of a process, if it has ended."""
        with self._news:
            return self._codes.get(process, -9 if self._gone else None)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _hear(self) -> None:
        """Take in what the process tells, until it is gone: what it has forked is gone then, too."""
        while content := self._receive():
            news = json.loads(content)
            with self._news:
                if "started" in news:
                    self._started = news["started"]
                    self._codes.pop(news["started"], None)  # of an earlier process that had its number
                else:
                    self._codes[news["ended"]] = news["code"]
                self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()
        self._channel.close()

    def _receive(self) -> bytes:
        try:
            return self._channel.recv(2**16)
        except OSError:
            return b""
