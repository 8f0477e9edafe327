"""A whole sweep: experiments of DVC's, runs in MLflow, whatever is killed. The stages are stand-ins."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.clones import put_standins
from tests.conftest import commit, git, make_clone, run

pytestmark = pytest.mark.slow

SWEEP = ["latentlab", "sweep", "one.epochs=2,3,4", "one.batch_size=8", "--seeds", "4"]

FAILED = r"^error: sweep: no result of one-learning_rate=2\.0-\w+: (\S+/)?train@one failed; left out for that: "


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: bytes) -> Path:
    """A clone with one variant, whose losses go to MLflow while it trains."""
    make_clone(tmp_path, monkeypatch, ["simple"])
    put_standins()
    commit("study")
    (tmp_path / "mlflow.db").write_bytes(database)
    monkeypatch.setenv("LATENTLAB_LIVE", "1")
    return tmp_path


def names_in_dvc() -> list[str]:
    listed = git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/*")
    return sorted(line.rpartition("/")[2] for line in listed.splitlines() if "/exec/" not in line)


def runs(database: Path) -> list[tuple[str, str]]:
    """Key and status of each run that is of a result, deleted ones left out."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(
            "select tags.value, runs.status from runs join tags on tags.run_uuid = runs.run_uuid "
            "where tags.key = 'latentlab.key' and runs.lifecycle_stage = 'active'"
        ).fetchall()


def test_a_sweep_that_is_killed_twice_ends_with_each_experiment_once(clone: Path) -> None:
    rng = random.Random(5)
    before = git("rev-parse", "HEAD"), Path("params.yaml").read_text()
    for number in (signal.SIGKILL, signal.SIGTERM):  # SIGINT may be ignored where tests run in the background
        with subprocess.Popen(SWEEP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sweep:
            time.sleep(rng.uniform(8, 16))
            sweep.send_signal(number)
            printed = sweep.communicate()[0]
        assert sweep.returncode, printed
        assert "Traceback" not in printed
    said = run(*SWEEP)
    names = names_in_dvc()
    assert len(names) == 12
    assert {name.partition("-seed")[0] for name in names} == {"one-epochs=2", "one-epochs=3", "one-epochs=4"}
    found = runs(clone / "mlflow.db")
    assert len({key for key, _ in found}) == len(found) == 12
    assert {status for _, status in found} == {"FINISHED"}
    assert re.search(r"^\| epochs=3, batch_size=8 \| 4 \|.* ± ", said, re.MULTILINE)
    assert len((next(Path("sweeps").iterdir()) / "results.csv").read_text().splitlines()) == 13
    # no trace but the experiments, and the same command has nothing to train
    assert (git("rev-parse", "HEAD"), Path("params.yaml").read_text()) == before
    assert git("status", "--short") == ""
    assert not [path for path in Path(".dvc/tmp/sweeps").iterdir() if path.is_dir()]
    again = run(*SWEEP)
    assert "train@one" not in again
    assert again.splitlines()[:6] == [line for line in said.splitlines() if line.startswith(("#", "|")) or not line][:6]
    assert "to be trained" not in run(*SWEEP, "--dry")
    assert len(runs(clone / "mlflow.db")) == 12


def test_an_experiment_is_one_of_dvcs(clone: Path) -> None:
    run("latentlab", "reproduce")
    commit("results")
    run("latentlab", "sweep", "one.epochs=5")
    (name,) = names_in_dvc()
    shown = run("dvc", "exp", "show", "--csv")
    assert name in shown
    run("dvc", "exp", "apply", name)
    assert "epochs: 5" in Path("params.yaml").read_text()
    said = run("latentlab", "reproduce")
    assert set(re.findall(r"^(\S+): .* s\)$", said, re.MULTILINE)) == {"plan", "compare", "report", "track"}
    assert git("status", "--short", "params.yaml") == " M params.yaml\n"


def test_one_that_fails_is_named_and_the_others_are_kept(clone: Path) -> None:
    sweep = ["latentlab", "sweep", "one.learning_rate=0.1,2.0"]
    done = subprocess.run(sweep, capture_output=True, text=True)
    assert done.returncode == 255
    assert re.search(FAILED, done.stderr.splitlines()[-1])
    assert [name.rpartition("-")[0] for name in names_in_dvc()] == ["one-learning_rate=0.1"]
    assert "| learning_rate=0.1 |" in done.stdout


def test_outside_a_commit_nothing_is_trained(clone: Path) -> None:
    run("git", "update-ref", "-d", "HEAD")
    done = subprocess.run(["latentlab", "sweep", "one.epochs=5"], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 1
    line = "error: sweep: found no commit, allowed: a git repository with one, which experiments build on\n"
    assert done.stderr == line
    assert "train@one" not in done.stdout
