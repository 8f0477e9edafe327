"""What becomes of the process that works when something happens to the one that waits for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latentlab.runner.processes import Command, Processes

SCRIPT = """
import os, signal, sys, time
from latentlab.stages import _guard

sys.argv = ["-m"]
{before}
_guard.work_in_child()
print(os.getpid(), flush=True)
{work}
"""


def guarded(project: Path, before: str = "", work: str = "time.sleep(60)") -> subprocess.Popen[str]:
    """A stage under DVC, in the project."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(before=before, work=work)],
        cwd=project,
        env=os.environ | {"DVC_STAGE": "train@simple"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alive(process: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_who_works_does_not_outlive_who_waits(project: Path) -> None:
    with guarded(project) as waiting:
        assert waiting.stdout
        worker = int(waiting.stdout.readline())
        assert worker != waiting.pid
        assert is_alive(worker)
        waiting.kill()
        waiting.wait()
        deadline = time.monotonic() + 10
        while is_alive(worker):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_signal_that_comes_before_anyone_waits_is_not_lost(project: Path) -> None:
    early = "fork = os.fork\nos.fork = lambda: (os.kill(os.getpid(), signal.SIGTERM), fork())[1]"
    with guarded(project, early) as waiting:
        _, err = waiting.communicate(timeout=60)
    assert err.splitlines()[0] == "error: train@simple: ended by SIGTERM"
    assert waiting.returncode == 128 + signal.SIGTERM


def test_ctrl_c_before_the_stage_begins_is_one_line(project: Path) -> None:
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    with guarded(project, heed, "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)") as waiting:
        _, err = waiting.communicate(timeout=60)
    assert err.splitlines()[0] == "error: train@simple: ended by SIGINT"
    assert "Traceback" not in err
    assert waiting.returncode == 128 + signal.SIGINT


def test_in_a_terminal_the_signal_is_named_in_a_line_of_its_own(project: Path) -> None:
    """A progress bar leaves its line without an end."""
    work = "print('1 of 400 epochs', end='', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    Path("stage.py").write_text(SCRIPT.format(before="", work=work))
    lines: list[str] = []
    command = Command("python stage.py", project, {"DVC_STAGE": "train@simple"})
    assert Processes(terminal=True).run(command, lambda line, _: lines.append(line)) == 137
    assert "error: train@simple: ended by SIGKILL" in lines
