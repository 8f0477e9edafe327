"""What a run does as a whole, in a small pipeline of shell commands: failures, ends, targets, words and logs."""

import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from ruamel.yaml import YAML

from latentlab.errors import UserError
from latentlab.pipeline import dvc
from latentlab.pipeline.lock import stages_in_lock
from latentlab.runner.display import Board, Terminal
from latentlab.runner.dry import would_run
from latentlab.runner.labels import Label
from latentlab.runner.logs import Logs
from latentlab.runner.processes import Command, Started, start
from latentlab.runner.reproduce import EndedError, StagesFailedError, reproduce
from latentlab.storage.only_one import only_one
from tests.conftest import alive, in_time, run

pytestmark = pytest.mark.slow

# `good` goes beside `bad`, which `after` waits for
STAGES: dict[str, dict[str, object]] = {
    "first": {"cmd": "echo one && echo 1 > first", "deps": ["input"], "outs": ["first"]},
    "bad": {"cmd": "cat wanted > bad", "deps": ["first"], "outs": ["bad"]},
    "after": {"cmd": "echo 1 > after", "deps": ["bad"], "outs": ["after"]},
    "good": {"cmd": "sleep 0.3 && echo 1 > good", "deps": ["first"], "outs": ["good"]},
    "better": {"cmd": "echo 1 > better", "deps": ["good"], "outs": ["better"]},
}


@pytest.fixture(autouse=True)
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pipeline, whose stage `bad` fails unless there is a file `wanted`."""
    monkeypatch.chdir(tmp_path)
    run("dvc", "init", "--no-scm", "--quiet")
    Path("input").write_text("1")
    write(STAGES)
    return tmp_path


def write(stages: dict[str, dict[str, object]]) -> None:
    YAML(typ="safe", pure=True).dump({"stages": stages}, Path("dvc.yaml"))


def test_a_failure_leaves_out_what_depends_on_it_and_the_next_call_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StagesFailedError) as raised:
        reproduce(jobs=2)
    assert str(raised.value) == "bad failed; left out for that: after; results of other stages are kept"
    assert raised.value.exit_code == 255
    assert subprocess.run(["dvc", "repro"], capture_output=True).returncode == 255
    out, err = capsys.readouterr()
    assert err == f"bad failed with exit code 1, log: {Path.cwd()}/logs/bad.log\n"
    assert "first: one\n" in out
    assert "No such file" in Path("logs/bad.log").read_text()
    assert "No such file" in out
    assert list(stages_in_lock()) == ["first", "good", "better"]
    Path("wanted").write_text("1")
    assert reproduce(jobs=2) == 2
    assert list(stages_in_lock()) == list(STAGES)


def test_a_missing_dependency_fails_its_stage_alone(capsys: pytest.CaptureFixture[str]) -> None:
    write({**STAGES, "bad": {"cmd": "echo 1 > bad", "deps": ["nowhere"], "outs": ["bad"]}})
    with pytest.raises(StagesFailedError, match=r"^bad failed; left out for that: after; "):
        reproduce(jobs=2)
    assert "bad: error: DVC: [Errno 2] No such file or directory: " in capsys.readouterr().err
    assert set(stages_in_lock()) == {"first", "good", "better"}


def test_stop_starts_nothing_after_a_failure() -> None:
    with pytest.raises(StagesFailedError, match=r"^bad failed; left out for that: after, better; "):
        reproduce(jobs=2, keep_going=False)
    assert set(stages_in_lock()) == {"first", "good"}


def test_a_target_runs_with_what_it_needs() -> None:
    assert reproduce(["better"], jobs=2) == 3
    assert set(stages_in_lock()) == {"first", "good", "better"}
    with pytest.raises(UserError, match="nothing"):
        reproduce(["nothing"])


def test_what_would_run_is_said_and_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("params.yaml").touch()
    monkeypatch.setattr("latentlab.runner.dry._stale", lambda folder: {})
    Path("wanted").write_text("1")
    assert would_run(["dvc.yaml"]) == [
        "first: not as dvc.lock says",
        "bad: after first",
        "after: after bad",
        "good: after first",
        "better: after good",
    ]
    assert not Path("first").exists()
    reproduce()
    assert would_run(["dvc.yaml"]) == ["everything is up to date"]
    Path("good").write_text("x")
    assert would_run(["dvc.yaml"]) == ["good: not as dvc.lock says", "better: after good"]
    assert would_run(["after"]) == ["everything is up to date"]


@pytest.mark.parametrize("call", [reproduce, lambda: would_run(["dvc.yaml"])], ids=["run", "dry"])
def test_a_second_runner_names_the_first(call: Callable[[], object]) -> None:
    with (
        only_one(Path(".dvc/tmp/latentlab.lock"), "runs the stages of this project"),
        pytest.raises(UserError, match=f"process {os.getpid()} runs the stages of this project; wait for it or end it"),
    ):
        call()


def test_stages_of_all_variants_are_a_target() -> None:
    train = {"cmd": "echo ${item} > ${item}", "deps": ["first"], "outs": ["${item}"]}
    write({**STAGES, "train": {"foreach": ["a", "b"], "do": train}})
    assert reproduce(["train"]) == 3
    assert set(stages_in_lock()) == {"first", "train@a", "train@b"}


def test_a_frozen_stage_runs_nothing_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("params.yaml").touch()
    monkeypatch.setattr("latentlab.runner.dry._stale", lambda folder: {})
    write({"first": STAGES["first"], "good": {**STAGES["good"], "frozen": True}, "better": STAGES["better"]})
    for name in ("first", "good"):
        Path(name).write_text("mine")
    assert would_run(["better"]) == ["good: not as dvc.lock says", "better: after good"]
    assert reproduce(["better"]) == 1
    assert Path("first").read_text() == Path("good").read_text() == "mine"
    assert "first" not in stages_in_lock()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_records_what_is_done_and_leaves_nothing_alive(number: signal.Signals) -> None:
    write({**STAGES, "good": {"cmd": "echo $$ && sleep 60 && echo 1 > good", "deps": ["first"], "outs": ["good"]}})
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import sys; "
        "from latentlab.runner.reproduce import reproduce; from latentlab.errors import UserError\n"
        "try: reproduce(['good'])\nexcept UserError as error: print(error, flush=True); sys.exit(error.exit_code)"
    )
    with subprocess.Popen(["python", "-c", script], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout
        lines = iter(runner.stdout.readline, "")
        child = next(int(line.removeprefix("good: ")) for line in lines if line.startswith("good: "))
        start = time.monotonic()
        runner.send_signal(number)
        rest = runner.stdout.read()
    assert runner.returncode == 128 + number
    assert "ended after 1 of 2 stages, which are recorded; the same command goes on from there\n" in rest
    assert time.monotonic() - start < 8
    assert set(stages_in_lock()) == {"first"}
    assert in_time(lambda: not alive(child))  # the shell leads a group
    assert not Path(".dvc/tmp/latentlab.lock").exists()


# `good` has been made, and is to be made anew
AGAIN: dict[str, dict[str, object]] = {
    "good": {"cmd": "cat input > good && echo $$ && . ./more", "deps": ["input", "more"], "outs": ["good"]},
    "other": {"cmd": "echo 1 > other", "deps": ["input"], "outs": ["other"]},
}


@pytest.fixture
def again() -> None:
    write(AGAIN)
    Path("more").touch()
    reproduce()
    Path("input").write_text("2")


def signalled_after_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SIGTERM come when the outputs of `good` have just been removed."""
    brought_back = dvc.brought_back

    def and_signal(stage: dvc.Stage) -> bool:
        found = brought_back(stage)
        assert not Path("good").exists()
        signal.raise_signal(signal.SIGTERM)
        return found

    monkeypatch.setattr(dvc, "brought_back", and_signal)


@pytest.mark.usefixtures("again")
def test_an_end_right_after_outputs_were_removed_brings_them_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("more").write_text("sleep 30")
    signalled_after_begin(monkeypatch)
    with pytest.raises(EndedError) as raised:
        reproduce(["good"])
    assert raised.value.exit_code == 143
    assert Path("good").read_text() == "1"
    assert "failed" not in capsys.readouterr().err


@pytest.mark.usefixtures("again")
@pytest.mark.parametrize(
    ("more", "line"), [("kill -9 $$", "error: ended by SIGKILL"), ("exit 3", None), ("rm good", "error: ")]
)
def test_a_stage_that_ends_badly_leaves_what_it_had(more: str, line: str | None) -> None:
    Path("more").write_text(more)
    with pytest.raises(StagesFailedError, match=r"^good failed; results of other"):
        reproduce()
    assert Path("good").read_text() == "1"
    log = Path("logs/good.log").read_text().splitlines()
    assert len(log) == (2 if line else 1)
    assert not line or log[1].startswith(line)


@pytest.mark.usefixtures("again")
@pytest.mark.parametrize("end", ["begin", "start"])
def test_a_stage_that_cannot_start_leaves_what_it_had_and_others_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    def fails(command: Command, output: int) -> Started:
        if "good" in command.text:
            raise OSError(24, "Too many open files")
        return start(command, output)

    if end == "begin":
        Path("more").unlink()
    else:
        monkeypatch.setattr("latentlab.runner.hosts.start", fails)
    with pytest.raises(StagesFailedError, match=r"^good failed; results of other"):
        reproduce(warm=False)
    assert Path("good").read_text() == "1"
    assert set(stages_in_lock()) == {"good", "other"}
    err = capsys.readouterr().err
    assert err.startswith("good: error: ")
    assert end == "begin" or err == "good: error: OSError(24, 'Too many open files')\n"


@pytest.mark.usefixtures("again")
def test_a_stopped_stage_is_ended_on_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("more").write_text("sleep 30")
    shown: list[Board] = []
    file = io.StringIO()

    def show(board: Board) -> Terminal:
        shown.append(board)
        return Terminal(board, Console(file=file, width=80, height=24))

    signalled_after_begin(monkeypatch)
    with pytest.raises(EndedError):
        reproduce(["good"], show=show)
    assert shown[0].rows[Label.of("", "good")].state.value == "ended"
    assert "good ended\n" in file.getvalue()
    assert "exit code" not in file.getvalue()


def test_where_nobody_reads_the_output_the_run_goes_on() -> None:
    """As with `| head -1`."""
    Path("wanted").write_text("1")
    write({name: {**stage, "cmd": f"echo {name} && {stage['cmd']}"} for name, stage in STAGES.items()})
    script = "from latentlab.runner.reproduce import reproduce; print(reproduce())"
    with subprocess.Popen(
        ["python", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout
        assert runner.stderr
        assert runner.stdout.readline() == "first: first\n"
        runner.stdout.close()
        assert runner.stderr.read() == ""
    assert runner.returncode == 0
    assert list(stages_in_lock()) == list(STAGES)


def test_seconds_are_those_of_the_study(tmp_path: Path) -> None:
    """Stages of other studies have the same names."""
    (tmp_path / "studies/birds/logs").mkdir(parents=True)
    for folder, seconds in ((tmp_path, 60.0), (tmp_path / "studies/birds", 1.0)):
        (folder / "logs").mkdir(exist_ok=True)
        (folder / "logs/seconds.json").write_text(json.dumps({"good": seconds}))
    folders = {Label.of("", "good"): tmp_path, Label.of("birds", "good"): tmp_path / "studies/birds"}
    assert Logs(folders).seconds == {Label.of("", "good"): 60.0, Label.of("birds", "good"): 1.0}


def test_seconds_are_kept_for_a_guess_at_the_next_run() -> None:
    Path("wanted").write_text("1")
    reproduce()
    seconds = YAML(typ="safe", pure=True).load(Path("logs/seconds.json"))
    assert set(seconds) == set(STAGES)
    assert 0.3 <= seconds["good"] < 10
    Path("logs/seconds.json").write_text("[")  # damaged: a guess less
    Path("input").write_text("2")
    assert reproduce() == 1


def test_a_log_that_cannot_be_written_is_one_line_and_fails_its_stage_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("wanted").write_text("1")
    Path("logs/good.log").mkdir(parents=True)
    with pytest.raises(StagesFailedError, match=r"^good failed; left out for that: better; "):
        reproduce()
    assert capsys.readouterr().err == f"good: error: {Path.cwd()}/logs/good.log: cannot be written (Is a directory)\n"
    assert set(stages_in_lock()) == {"first", "bad", "after"}


def test_seconds_that_cannot_be_kept_are_no_fault() -> None:
    Path("wanted").write_text("1")
    Path("logs/seconds.json").mkdir(parents=True)
    assert reproduce() == len(STAGES)
