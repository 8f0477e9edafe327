"""The parent's end of a worker process."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.variants import KERAS_BLOG, ROOT


class Worker:
    """A worker that is ready, to be used in a `with` block, at whose end it is gone.

    It computes only from `start` until `seconds` has its answer. If it fails, the parent exits with what it wrote.
    """

    def __init__(
        self, variant: str, way: str, images: int, threads: int, mnist: Path | None, study: str = KERAS_BLOG
    ) -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.worker",
            variant,
            way,
            f"--images={images}",
            f"--threads={threads}",
            f"--study={study}",
        ]
        if mnist:
            command.append(f"--mnist={mnist.resolve()}")
        self._name = f"{variant}, {way}"
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in __exit__
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {"OMP_NUM_THREADS": str(threads), "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._process.kill()
        self._process.communicate()
        self._errors.close()

    def parameters(self) -> int:
        """Wait until it is ready; its number of trainable parameters."""
        return int(self._answer("parameters"))

    def start(self) -> None:
        """Begin one more epoch."""
        self._tell("go")

    def seconds(self) -> float:
        """Wait for the end of the epoch; its seconds."""
        return self._answer("seconds")

    def epoch(self) -> float:
        """Seconds of one more epoch."""
        self.start()
        return self.seconds()

    def end(self) -> float:
        """Peak memory in MiB."""
        self._tell("end")
        return self._answer("peak_mib")

    def _tell(self, word: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has failed: there will be no answer, which says so
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def _answer(self, name: str) -> float:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise SystemExit(f"{self._name}: the worker failed\n{self._errors.read()}")
        return float(json.loads(line)[name])
