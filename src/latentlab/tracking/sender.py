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
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Live":
        if self.wanted:
            # started before TensorFlow is imported, so that MLflow is there when the first epoch ends
            command = [sys.executable, "-m", "latentlab.tracking.receiver", self.variant]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
            )
            assert self.process.stdin
            os.set_blocking(self.process.stdin.fileno(), False)
        return self

    def epoch(self, row: Mapping[str, float]) -> None:
        """Send the losses of an epoch, rounded as in the history."""
        self._send({name: float(f"{value:.9g}") for name, value in row.items()})

    def _send(self, content: Mapping[str, object]) -> None:
        if self.process is None or self.process.stdin is None or self.process.stdin.closed:
            return
        try:
            os.write(self.process.stdin.fileno(), json.dumps(content).encode() + b"\n")
        except BlockingIOError:  # the other end is behind by 64 KiB
            pass
        except BrokenPipeError:  # it gave up, and said why
            self.process.stdin.close()

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        if self.process is None or self.process.stdin is None:
            return
        self._send({"status": TRAINED if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"})
        self.process.stdin.close()
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
