"""A stage as a fork of a process that has its libraries is as one in a new process."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentlab.runner import processes, warm
from latentlab.runner.processes import Command, Processes, Start, Started
from latentlab.runner.warm import Warm
from latentlab.runner.zygote import SCIENCE
from tests.conftest import ROOT, in_time

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not warm.available(), reason="no forks here")]

# what a stage could notice of how it was started
PROBE = """
import json, os, resource, signal, sys, threading
import numpy

print(json.dumps({
    "folder": os.getcwd(),
    "arguments": sys.argv[1:],
    "file": sys.argv[0],
    "original": sys.orig_argv[1:],
    "name": __name__,
    "specification": __spec__.name,
    "path": sys.path,
    "executables": os.environ["PATH"],
    "number": numpy.random.random(),
    "variable": os.environ.get("PROBED"),
    "stage": os.environ.get("DVC_STAGE"),
    "signals": [str(signal.getsignal(number)) for number in (2, 15, 17)],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "leads": os.getsid(0) == os.getpgid(0) != os.getpid(),
    "threads": threading.active_count(),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
    "input": os.read(0, 1).decode(),
    "terminal": sys.stdout.isatty(),
    "niceness": os.nice(0),
    "tensorflow": "tensorflow" in sys.modules,
    "mine": sys.modules["latentlab"].__file__,
}))
"""


@pytest.fixture
def probe(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose stages `plot` and `train` say what they notice."""
    monkeypatch.setenv("PYTHONPATH", str(project / "src"))  # as the command begins in the source of its project
    (project / ".dvc").mkdir()
    shutil.copytree(ROOT / "src/latentlab", project / "src/latentlab")
    for stage in ("plot", "train"):
        (project / f"src/latentlab/stages/{stage}.py").write_text(PROBE)
    return project


@pytest.fixture
def starts() -> Iterator[Start]:
    forks = Warm()
    yield forks.start
    forks.close()


def noticed(start: Start, folder: Path, stage: str = "plot") -> dict[str, Any]:
    lines: list[str] = []
    command = Command(
        f"python -m latentlab.stages.{stage} simple", folder, {"PROBED": "x", "DVC_STAGE": f"{stage}@simple"}
    )
    code = Processes(start).run(command, lambda line, _: lines.append(line))
    assert code == 0, lines
    found: dict[str, Any] = json.loads(lines[-1])
    return found


@pytest.mark.parametrize("safe", [False, True], ids=["", "safe path"])
def test_it_notices_no_difference(probe: Path, starts: Start, monkeypatch: pytest.MonkeyPatch, safe: bool) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if safe:
        monkeypatch.setenv("PYTHONSAFEPATH", "1")
    forked, new = noticed(starts, probe), noticed(processes.start, probe)
    assert forked.pop("number") != new.pop("number")
    assert forked == new
    assert forked["executables"].startswith(f"{Path(sys.executable).parent}:")
    assert forked["mine"] == str(probe / "src/latentlab/__init__.py")


def test_each_fork_has_random_numbers_of_its_own(probe: Path, starts: Start) -> None:
    assert noticed(starts, probe)["number"] != noticed(starts, probe)["number"]


def test_the_source_is_read_in_the_fork(probe: Path, starts: Start) -> None:
    assert noticed(starts, probe)["variable"] == "x"
    path = probe / "src/latentlab/stages/plot.py"
    path.write_text(PROBE.replace('"PROBED"', '"DVC_STAGE"'))
    assert noticed(starts, probe)["variable"] == "plot@simple"


def test_libraries_are_there_and_only_for_who_needs_them(probe: Path, starts: Start) -> None:
    assert noticed(starts, probe, "train")["tensorflow"]
    assert not noticed(starts, probe, "plot")["tensorflow"]


@pytest.mark.parametrize(
    ("work", "code", "line"),
    [
        ("raise SystemExit(3)", 3, None),
        ("raise SystemExit('so')", 1, "so"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("import os; os.abort()", 134, "error: plot@simple: ended by SIGABRT"),
        ("import os; os.kill(os.getpid(), 9)", 137, "error: plot@simple: ended by SIGKILL"),
    ],
)
def test_it_ends_as_a_new_process_does(probe: Path, starts: Start, work: str, code: int, line: str | None) -> None:
    (probe / "src/latentlab/stages/plot.py").write_text(work)
    found = []
    for start in (starts, processes.start):
        lines: list[str] = []
        command = Command("python -m latentlab.stages.plot simple", probe, {"DVC_STAGE": "plot@simple"})
        found.append(Processes(start).run(command, lambda text, _, lines=lines: lines.append(text)))  # type: ignore[misc]
        assert line is None or line in lines
    assert found == [code, code]


def test_where_it_cannot_fork_a_new_process_does(probe: Path) -> None:
    (probe / "src/latentlab/runner/zygote.py").write_text("raise SystemExit(1)")
    forks = Warm()
    try:
        assert noticed(forks.start, probe)["variable"] == "x"
    finally:
        forks.close()


def test_where_it_does_not_answer_a_new_process_does(
    probe: Path, starts: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert noticed(starts, probe, "train")["tensorflow"]
    (zygote,) = starts.__self__._zygotes.values()  # type: ignore[attr-defined]
    zygote._process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(warm, "ANSWER", 0.5)
    assert not noticed(starts, probe, "train")["tensorflow"]
    assert zygote._process.wait(10) == -signal.SIGKILL


def test_an_environment_that_is_too_large_to_send_is_that_of_a_new_process(
    probe: Path, starts: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LARGE", "x" * 100_000)
    assert noticed(starts, probe, "train")["tensorflow"]
    monkeypatch.setenv("LARGER", "x" * 100_000)
    assert not noticed(starts, probe, "train")["tensorflow"]


def test_an_import_that_hangs_does_not_keep_others_from_running_and_ending(probe: Path) -> None:
    (probe / "src/latentlab/runner/zygote.py").write_text("import time; time.sleep(60)")
    forks = Warm()
    here = Processes(forks.start)
    codes: list[int] = []

    def run(text: str) -> threading.Thread:
        """Run a command in a thread of its own."""
        command = Command(text, probe, {"DVC_STAGE": "plot"})
        thread = threading.Thread(target=lambda: codes.append(here.run(command, lambda *_: None)), daemon=True)
        thread.start()
        return thread

    stuck = run("python -m latentlab.stages.plot")
    assert in_time(lambda: bool(forks._zygotes))
    time.sleep(0.2)  # it waits for the import now
    begin = time.monotonic()
    run("exit 5").join(10)
    assert codes == [5]
    here.end()
    forks.close()
    stuck.join(10)
    assert codes == [5, 137]  # a new process, which was too late
    assert time.monotonic() - begin < 10


def test_a_process_with_the_number_of_an_earlier_one_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[socket.socket] = []

    class Untried:
        """In place of the process that forks: the other end of its channel."""

        def __init__(self, _: object, pass_fds: list[int], **__: object) -> None:
            ends.append(socket.socket(fileno=os.dup(pass_fds[0])))

    monkeypatch.setattr("latentlab.runner.warm.subprocess.Popen", Untried)
    zygote = warm._Zygote(SCIENCE, "portable")
    command = Command("python -m latentlab.stages.plot simple", Path(), {})

    def forked() -> Started:
        """The process, which has the number 7 each time."""
        threading.Thread(target=answer).start()
        process = zygote.fork(command, 1)
        assert process
        return process

    def answer() -> None:
        _, descriptors, *_ = socket.recv_fds(ends[0], 2**17, 1)
        os.close(descriptors[0])
        ends[0].send(b'{"started": 7}')

    first = forked()
    ends[0].send(b'{"ended": 7, "code": 3}')
    assert in_time(lambda: first.poll() == 3)
    assert forked().poll() is None
    ends[0].close()


def test_all_forks_end_with_the_process_that_has_forked_them(probe: Path) -> None:
    (probe / "src/latentlab/stages/plot.py").write_text(
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    )
    forks = Warm()
    said: list[str] = []

    def tell(line: str, _: bool) -> None:
        said.append(line)
        forks.close()

    command = Command("python -m latentlab.stages.plot simple", probe, {"DVC_STAGE": "plot@simple"})
    assert Processes(forks.start).run(command, tell) == 137
    deadline = time.monotonic() + 3
    while os.path.exists(f"/proc/{said[0]}"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
