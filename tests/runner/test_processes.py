"""Commands on this machine: what they say as it comes, how they end, and that nothing is left of them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from latentlab.runner import processes
from latentlab.runner.processes import Command, Processes, Started
from tests.conftest import alive, in_time


def command(text: str, **variables: str) -> Command:
    return Command(text, Path.cwd(), variables)


def run(text: str, terminal: bool = False, **variables: str) -> tuple[int, list[tuple[str, bool]]]:
    """The exit code, and lines with whether they stay."""
    lines: list[tuple[str, bool]] = []
    code = Processes(terminal=terminal).run(command(text, **variables), lambda line, stays: lines.append((line, stays)))
    return code, lines


def said(text: str, terminal: bool = False) -> list[str]:
    return [line for line, _ in run(text, terminal)[1]]


@pytest.mark.parametrize(
    ("text", "code"),
    [("true", 0), ("exit 3", 3), ("kill -9 $$", 137), ("no-such-command-at-all 2> /dev/null", 127)],
)
def test_the_exit_code_is_that_of_a_shell(text: str, code: int) -> None:
    assert run(text)[0] == code


def test_all_output_comes_as_lines() -> None:
    code, lines = run("echo one; echo two >&2; printf 'ü'; printf '\\n\\n  \\nlast'")
    assert code == 0
    assert lines == [("one", True), ("two", True), ("ü", True), ("last", True)]


def test_lines_come_when_they_are_said() -> None:
    times: list[float] = []
    Processes().run(command("echo a; sleep 0.5; echo b"), lambda *_: times.append(time.monotonic()))
    assert times[1] - times[0] > 0.3


def test_a_progress_bar_is_written_over() -> None:
    _, lines = run("printf '\\r10 %%\\r20 %%\\ndone\\r\\n'")
    assert lines == [("10 %", False), ("20 %", True), ("done", True)]


@pytest.mark.parametrize("text", [r"printf 'one\r\ntwo\n'", r"printf 'one\r'; sleep 0.3; printf '\ntwo\n'"])
def test_lines_that_end_as_for_a_terminal_are_whole_ones(text: str) -> None:
    """It adds a carriage return to each line feed."""
    assert run(text, terminal=True) == (0, [("one", True), ("two", True)])


def test_a_terminal_where_there_is_one() -> None:
    text = f"{sys.executable} -c 'import os, sys; print(sys.stderr.isatty(), os.get_terminal_size(1).columns)'"
    assert said(text, terminal=True) == [f"True {processes.COLUMNS}"]
    assert said("test -t 1 || echo none") == ["none"]


def test_a_stage_runs_in_its_folder_with_its_variables_and_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    code, lines = run("pwd; echo $DVC_STAGE; which python; cat", DVC_STAGE="train@a")
    assert code == 0
    assert [line for line, _ in lines] == [str(tmp_path), "train@a", str(Path(sys.executable).with_name("python"))]


def test_what_outlives_a_command_is_not_waited_for() -> None:
    start = time.monotonic()
    assert said("sleep 30 & echo done; exit 0") == ["done"]
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("ignores", "code"), [(False, 143), (True, 137)])
def test_all_is_ended_in_time(monkeypatch: pytest.MonkeyPatch, ignores: bool, code: int) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.5)
    handler = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if ignores else "pass"
    script = f"import os, signal, time; {handler}; print(os.getpid(), flush=True); time.sleep(60)"
    here = Processes()
    codes: list[int] = []
    started: list[str] = []
    thread = threading.Thread(
        target=lambda: codes.append(
            here.run(command(f'exec python -c "{script}"'), lambda line, _: started.append(line))
        )
    )
    thread.start()
    while not started:
        time.sleep(0.01)
    here.end()
    thread.join(10)
    assert codes == [code]
    assert here.run(command("true"), lambda *_: None) == 143  # nothing starts any more
    with pytest.raises(ProcessLookupError):
        os.kill(int(started[0]), 0)


@pytest.mark.parametrize("ignores", [False, True])
def test_what_a_shell_has_started_ends_with_it(ignores: bool) -> None:
    here = Processes()
    shells: list[str] = []
    background = "trap '' TERM; sleep 60" if ignores else "sleep 60"
    text = f"({background}) & echo $$; sleep 60; true"
    thread = threading.Thread(target=lambda: here.run(command(text), lambda line, _: shells.append(line)))
    thread.start()
    assert in_time(lambda: bool(shells))
    here.end()
    thread.join(10)
    assert in_time(lambda: not alive(int(shells[0])))


def test_what_runs_is_ended_if_nobody_can_be_told() -> None:
    said: list[str] = []

    def tell(line: str, _: bool) -> None:
        said.append(line)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Processes().run(command("echo $$; sleep 60; true"), tell)
    assert in_time(lambda: not alive(int(said[0])))


def test_what_cannot_be_started_leaves_nothing_open() -> None:
    def fails(*_: object) -> Started:
        raise OSError("no more processes")

    before = os.listdir("/dev/fd")
    with pytest.raises(OSError, match="no more processes"):
        Processes(fails).run(command("true"), lambda *_: None)
    assert os.listdir("/dev/fd") == before


def test_a_signal_that_has_ended_a_command_is_named() -> None:
    assert said("echo one; kill -9 $$") == ["one", "error: ended by SIGKILL"]
    assert said("kill -40 $$") == ["error: ended by signal 40"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_a_stage_ends_with_its_runner(project: Path) -> None:
    """Killed at once: nobody is told, and nobody waits."""
    stage = "import os, time; from latentlab.runner.parent import end_with_runner; end_with_runner(); "
    Path("stage.py").write_text(f"{stage}print(os.getpid(), flush=True); time.sleep(60)")
    script = (
        "from pathlib import Path; from latentlab.runner.processes import *; "
        "Processes().run(Command('python stage.py', Path.cwd(), {}), lambda line, _: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout
        worker = int(runner.stdout.readline())
        os.kill(worker, 0)
        runner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 3
    while Path(f"/proc/{worker}").exists() and "\nState:\tZ" not in Path(f"/proc/{worker}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
