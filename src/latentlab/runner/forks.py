"""A module run in a fork of this process, as `python -m` would in a new one. The libraries are there already."""

import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

MOST_DESCRIPTORS = 4096
FORKABLE = "LATENTLAB_FORKABLE"  # set in processes whose libraries are imported and have started nothing yet


class Fork:
    """The other process, with what is used here of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        start = time.monotonic()
        while (code := self.poll()) is None:
            if timeout is not None and time.monotonic() - start > timeout:
                raise subprocess.TimeoutExpired("", timeout)
            time.sleep(0.01)
        return code

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def fork_module(module: str, arguments: Sequence[str], descriptors: tuple[int, int, int]) -> Fork:
    """Run a module in a fork, in a session of its own, with these as its input, output and error output."""
    pid = os.fork()
    if not pid:
        os.setsid()
        become(module, arguments, descriptors)
    return Fork(pid)


def become(module: str, arguments: Sequence[str], descriptors: tuple[int, int, int]) -> NoReturn:
    """Be the process that `python -m` starts for a module, and end."""
    code = 1
    try:
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        os.closerange(3, MOST_DESCRIPTORS)  # pipes and locks of the other process would stay open here
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        for name in [name for name in sys.modules if name.partition(".")[0] == "latentlab"]:
            del sys.modules[name]  # its source may be another one by now, or lie elsewhere
        if not sys.flags.safe_path:
            sys.path[0] = os.getcwd()
        if generators := sys.modules.get("numpy.random"):  # as seeded where it was imported it gives all forks the same
            generators.seed()
        sys.argv = ["-m", *arguments]  # as while `python -m` looks for the module
        sys.orig_argv = [sys.executable, "-m", module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _exit_code(end.code)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # TensorFlow's threads, which its own end would wait for, are not in a fork


def _exit_code(code: Any) -> int:
    """As Python itself takes the argument of SystemExit."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1
