"""Losses to MLflow while a model trains, by a process of its own: a store that is slow or down costs no epoch.

The training writes a line an epoch into a pipe that never blocks. What does not get through is no loss: `latentlab
track` adds it from the history.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

from latentlab.runner.forks import FORKABLE, Fork, fork_module

PATIENCE = 30.0  # seconds that a training waits at its end for the last losses to arrive
# what MLflow shows as scheduled, with an end: the training went well, the rest of the result is still to come
TRAINED = "SCHEDULED"
COMPLETED = "`latentlab track` completes the run"


class Live:
    """A context around a training. LATENTLAB_LIVE=0 turns it off.

    How the block ends, well, by an exception or by a kill, becomes the status of the run, unless that is whole already.
    """

    def __init__(self, variant: str, wanted: bool = True) -> None:
        self.variant = variant
        self.wanted = wanted and os.environ.get("LATENTLAB_LIVE", "1") != "0"
        self.process: subprocess.Popen[bytes] | Fork | None = None
        self._pipe: int | None = None

    def __enter__(self) -> "Live":
        if self.wanted:
            theirs, self._pipe = os.pipe()
            os.set_blocking(self._pipe, False)
            try:
                self.process = _receiver(self.variant, theirs)
            finally:
                os.close(theirs)
        return self

    def epoch(self, row: Mapping[str, float]) -> None:
        """Send the losses of an epoch, rounded as in the history."""
        self._send({name: float(f"{value:.9g}") for name, value in row.items()})

    def _send(self, content: Mapping[str, object]) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, json.dumps(content).encode() + b"\n")
        except BlockingIOError:  # the other end is behind by 64 KiB
            pass
        except BrokenPipeError:  # it gave up, and said why
            self._close()

    def _close(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        if self.process is None:
            return
        self._send({"status": TRAINED if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"})
        self._close()
        if kind is None or issubclass(kind, Exception):  # who presses Ctrl-C does not want to wait
            self._wait()

    def _wait(self) -> None:
        assert self.process
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            print(f"warning: MLflow took no losses for {PATIENCE:.0f} s; {COMPLETED}", file=sys.stderr)


def _receiver(variant: str, losses: int) -> subprocess.Popen[bytes] | Fork:
    """The process that reads losses. It starts before TensorFlow does: MLflow is to be there when an epoch ends."""
    module, arguments = "latentlab.tracking.receiver", [variant]
    with open(os.devnull, "w") as nowhere:
        if FORKABLE in os.environ:
            return fork_module(module, arguments, (losses, nowhere.fileno(), sys.stderr.fileno()))
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, stdin=losses, stdout=nowhere, start_new_session=True)
