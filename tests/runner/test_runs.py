"""What a run does as a whole, in a small pipeline of shell commands: failures, ends, targets, words and logs."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from latentlab.errors import UserError
from latentlab.pipeline.lock import stages_in_lock
from latentlab.runner.dry import would_run
from latentlab.runner.reproduce import StagesFailedError, reproduce
from latentlab.storage.only_one import only_one
from tests.conftest import run

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


def test_a_second_runner_names_the_first() -> None:
    with (
        only_one(Path(".dvc/tmp/latentlab.lock"), "runs the stages of this project"),
        pytest.raises(UserError, match=f"process {os.getpid()} runs the stages of this project; wait for it or end it"),
    ):
        reproduce()


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
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not Path(".dvc/tmp/latentlab.lock").exists()


def test_seconds_are_kept_for_a_guess_at_the_next_run() -> None:
    Path("wanted").write_text("1")
    reproduce()
    seconds = YAML(typ="safe", pure=True).load(Path("logs/seconds.json"))
    assert set(seconds) == set(STAGES)
    assert 0.3 <= seconds["good"] < 10
    Path("logs/seconds.json").write_text("[")  # damaged: a guess less
    Path("input").write_text("2")
    assert reproduce() == 1


def test_a_log_that_cannot_be_written_is_one_line() -> None:
    Path("logs").touch()
    with pytest.raises(UserError, match=r"logs/first\.log: cannot be written \("):
        reproduce()


def test_seconds_that_cannot_be_kept_are_no_fault() -> None:
    Path("wanted").write_text("1")
    Path("logs/seconds.json").mkdir(parents=True)
    assert reproduce() == len(STAGES)
