"""A stage as a fork of a process that has its libraries is as one in a new process."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentlab.runner import processes, warm
from latentlab.runner.processes import Command, Processes, Start
from latentlab.runner.warm import Warm
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not warm.available(), reason="no forks here")]

# what a stage could notice of how it was started
PROBE = """
import json, os, resource, signal, sys, threading

print(json.dumps({
    "folder": os.getcwd(),
    "arguments": sys.argv[1:],
    "file": sys.argv[0],
    "original": sys.orig_argv[1:],
    "name": __name__,
    "specification": __spec__.name,
    "path": sys.path[0],
    "variable": os.environ.get("PROBED"),
    "stage": os.environ.get("DVC_STAGE"),
    "signals": [str(signal.getsignal(number)) for number in (2, 15, 17)],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "leads": os.getsid(0) == os.getpgid(0) != os.getpid(),
    "threads": threading.active_count(),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd") if int(name) < 3),
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


def test_it_notices_no_difference(probe: Path, starts: Start) -> None:
    forked, new = noticed(starts, probe), noticed(processes.start, probe)
    assert forked == new
    assert forked["mine"] == str(probe / "src/latentlab/__init__.py")


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
