"""A Dask scheduler and workers on this machine, each a process of its own, as a cluster has them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from distributed import Client

from tests.conftest import in_time

# a worker in the process of tests, which may have more in memory than the worker offers, would be paused for that
NEVER_PAUSED = {"distributed.worker.memory.pause": False}
DASK = [sys.executable, "-m", "dask"]


class Dask:
    """A scheduler in a folder, and workers with folders of their own below it."""

    def __init__(self, folder: Path, workers: int = 2, port: int = 0) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.port = port
        self.workers: list[subprocess.Popen[bytes]] = []
        self.begin()
        for _ in range(workers):
            self.add()
        self.wait(workers)

    def begin(self) -> None:
        """Start the scheduler, at the address that it had."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", "--port", str(self.port), "--scheduler-file", str(file))
        assert in_time(file.exists, 200)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            self.address = client.scheduler.address
        self.port = int(self.address.rpartition(":")[2])

    def add(self, **variables: str) -> None:
        """Start one more worker."""
        local = self.folder / f"worker{len(self.workers)}"
        words = ["worker", self.address, "--nthreads", "1", "--no-nanny", "--local-directory", str(local)]
        self.workers.append(self._start(*words, **variables))

    def _start(self, kind: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        command = [*DASK, kind, *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, env=os.environ | variables, start_new_session=True
            )

    def wait(self, count: int) -> None:
        """Until so many workers are there."""
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, 200)

    def stages(self) -> list[psutil.Process]:
        """The processes of stages that run on workers."""
        found = []
        for worker in self.workers:
            try:
                below = psutil.Process(worker.pid).children(recursive=True)
            except psutil.NoSuchProcess:
                continue
            found += [each for each in below if is_stage(each)]
        return found

    def said_by(self, run: subprocess.Popen[str], seconds: float = 400) -> str:
        """All that a run prints. Where it hangs, it and what it waits for say where that is, and are ended."""
        try:
            return run.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            for each in (*self.stages(), *self.workers, run):
                each.send_signal(signal.SIGABRT)  # with PYTHONFAULTHANDLER
                time.sleep(1)
            printed = run.communicate()[0]
            log = (self.folder / "worker.log").read_text(errors="replace")
            raise AssertionError(f"a run hangs:\n{printed}\nits workers:\n{log}") from None

    def end(self) -> None:
        """All of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def is_stage(process: psutil.Process) -> bool:
    """Whether it is one, or was forked to be one; not what only waits to fork them."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = process.cmdline()
        return "latentlab.runner.zygote" not in words or bool(
            process.parent() and "zygote" in str(process.parent().cmdline())
        )
    except psutil.NoSuchProcess:
        return False
