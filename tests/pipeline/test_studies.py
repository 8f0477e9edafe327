"""Studies side by side under DVC: each runs in its folder, from anywhere, and none touches another.

The stages are stand-ins, which take a moment: what DVC does with folders is the same.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from latentlab.config import paths
from latentlab.storage.csv import read_csv
from latentlab.storage.json import read_json
from latentlab.storage.yaml import read_yaml
from tests.clones import put_standins
from tests.conftest import commit, git, make_clone, replace, run
from tests.runner.test_reproduce import stages_in

pytestmark = pytest.mark.slow

NAMES = ("tiny", "one", "two")
ALL = {
    "plan",
    "prepare",
    "classifier",
    "references",
    "compare",
    "report",
    "track",
    *(f"{s}@simple" for s in ("train", "extract", "tsne", "evaluate", "plot")),
}


def within(study: str, stages: set[str]) -> set[str]:
    """The stages of a study in a folder, as DVC calls them from the root."""
    return {f"studies/{study}/dvc.yaml:{stage}" for stage in stages}


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory, database: bytes, forks: Path) -> Iterator[Path]:
    """A clone with `tiny` in its root, `one` like it, `two` with another seed; run, committed, pushed to a remote."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple"])
        put_standins()
        (root / "mlflow.db").write_bytes(database)
        patch.setenv("PATH", f"{forks}{os.pathsep}{os.environ['PATH']}")
        for old, new in (("study: histories", "study: tiny"), ("  one:", "  simple:")):
            replace(old, new)
        run("dvc", "remote", "add", "--default", "local", str(root.parent / "remote"))
        for name in ("one", "two"):
            run("latentlab", "study", "new", name)
        patch.chdir(root / "studies/two")
        replace("seed: 1", "seed: 7")
        patch.chdir(root)
        commit("studies")
        assert stages_in(run("dvc", "repro")) == ALL
        patch.chdir(root / "studies/one")
        # what the same plan and data made elsewhere comes from the run cache
        assert stages_in(run("dvc", "repro")) == {"plan", "compare", "report", "track"}
        patch.chdir(root)
        assert stages_in(run("dvc", "repro", "studies/two/dvc.yaml")) == within("two", ALL)
        commit("results")
        run("dvc", "push", "--quiet")
        yield root


@pytest.fixture(autouse=True)
def here(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)


@pytest.fixture
def one(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the study `one`, and the process in it. What a test changes is taken back."""
    folder = clone / "studies/one"
    monkeypatch.chdir(folder)
    yield folder
    os.chdir(clone)
    git("checkout", "-q", "--", ".")
    run("dvc", "checkout", "--quiet", "--force")


def folder_of(clone: Path, study: str) -> Path:
    return clone if study == "tiny" else clone / "studies" / study


def state(folder: Path) -> str:
    """As the code of the clone has it, whose stand-ins this process does not know."""
    say = "import sys, pathlib, latentlab.pipeline.state as s; print(s.state(pathlib.Path(sys.argv[1])))"
    return run(sys.executable, "-c", say, str(folder)).strip()


def test_each_study_has_results_and_a_lock_of_its_own(clone: Path) -> None:
    bce = {name: read_json(folder_of(clone, name) / "metrics/simple.json")["reconstruction"]["bce"] for name in NAMES}
    assert bce["tiny"] == bce["one"] != bce["two"]
    for name in NAMES:
        folder = folder_of(clone, name)
        assert set(read_yaml(folder / "dvc.lock")["stages"]) == ALL
        assert (folder / "plots/compare/metrics.png").exists()
        assert state(folder) == "up to date"
    assert run("git", "status", "--porcelain") == ""
    head, *lines = run("latentlab", "runs", *(f"--study={name}" for name in NAMES), "--csv").splitlines()
    assert head.startswith("study,run,seeds")
    assert sorted(line.split(",")[0] for line in lines) == sorted(NAMES)


def test_nothing_to_do_is_seen_at_once_and_changes_nothing(clone: Path) -> None:
    before = {path: path.read_bytes() for path in clone.rglob("dvc.lock")}
    assert len(before) == 3
    start = time.perf_counter()
    assert stages_in(run("dvc", "repro")) == {"plan"}
    assert time.perf_counter() - start < 15  # 2 s where nothing runs beside it
    assert stages_in(run("dvc", "repro", "-P")) == {"plan"} | within("one", {"plan"}) | within("two", {"plan"})
    printed = run("latentlab", "reproduce", "one", "two").splitlines()
    pages = [f"page: studies/{name}/report/index.html" for name in ("one", "two")]
    assert printed[-3:] == ["everything is up to date", *pages]
    assert {line.partition(":")[0] for line in printed[:-3]} == {"one/plan", "two/plan"}
    assert "everything is up to date" in run("latentlab", "reproduce", "--all").splitlines()
    assert {path: path.read_bytes() for path in before} == before
    assert run("git", "status", "--porcelain") == ""


def test_the_states_of_a_study(one: Path) -> None:
    replace("epochs: 2", "epochs: 3")
    assert state(one) == "stale: train@simple: epochs 2 -> 3"
    replace("epochs: 3", "epochs: 2")
    (one / "data/raw/mine.png").write_text("x")
    assert state(one) == "stale: prepare: data/raw modified"
    (one / "data/raw/mine.png").unlink()
    paths.latents("simple").write_text("x")
    assert state(one).startswith("stale: ")
    for folder in ("data", "models", "plots"):
        shutil.rmtree(one / folder)
    assert state(one).startswith("files are missing: `dvc pull` ")
    replace("epochs: 2", "epochs: -2")
    assert state(one).startswith("params.yaml: variants.simple.epochs: found -2")


def test_commands_take_studies_by_name(one: Path) -> None:
    assert "| simple |" in run("latentlab", "results", "two", "tiny", "--markdown")
    printed = run("latentlab", "track", "two", "one").splitlines()
    assert [line.partition(", ")[0] for line in printed] == ["nothing to do"] * 2
    assert "pictures: plots/" in run("latentlab", "results")
    assert "pictures: ../two/plots/" in run("latentlab", "results", "two")


def test_a_failure_in_a_folder_keeps_its_results_and_those_of_others(clone: Path, one: Path) -> None:
    replace("model: standin,", "model: standin, learning_rate: 1.0e+30,")
    models = {path: path.read_bytes() for path in clone.rglob("models/simple/*")}
    assert len(models) == 12
    for command, folder in ((["dvc", "repro"], one), (["dvc", "repro", "studies/one/dvc.yaml"], clone)):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode != 0
        assert "error: variant simple: loss is not finite in epoch 1" in done.stderr
        assert {path: path.read_bytes() for path in models} == models


def test_dvc_shows_what_changed(one: Path, tmp_path: Path) -> None:
    replace("epochs: 2", "epochs: 1")
    run("dvc", "repro", "--quiet")
    run("latentlab", "reproduce", "two")
    changed = json.loads(run("dvc", "metrics", "diff", "--json"))
    assert list(changed) == ["metrics/simple.json"]
    assert changed["metrics/simple.json"]["training.epochs"]["diff"] == -1
    assert json.loads(run("dvc", "params", "diff", "--json")) == {
        "params.yaml": {"variants.simple.epochs": {"old": 2, "new": 1, "diff": -1}}
    }
    run("dvc", "plots", "show", "--out", str(tmp_path / "shown"), "plots/simple", "models/simple/history.csv")
    page = (tmp_path / "shown/index.html").read_text()
    assert "tsne.png" in page
    graph = run("dvc", "dag", "--dot", "dvc.yaml")
    assert '"plan" -> ' in graph
    assert '"train@simple" -> "extract@simple"' in graph
    assert "studies" not in graph


def shown(name: str) -> Any:
    """An experiment of the current revision, as `dvc exp show` has it."""
    revisions = json.loads(run("dvc", "exp", "show", "--json"))
    found = [each for revision in revisions for each in revision.get("experiments") or [] if each["name"] == name]
    return found[0]["revs"][0]["data"]


def run_queue(clone: Path, tmp_path: Path) -> None:
    """Run what was queued and end the process of DVC's that does it.

    That one would go on for ever now and then, as its thread that looks for the end dies of a message half-written.
    """
    with (tmp_path / "queue.log").open("wb") as log:  # not a pipe, which that process would hold open
        subprocess.run(["dvc", "exp", "run", "--quiet", "--run-all"], check=True, stdout=log, stderr=log)
    for path in (clone / ".dvc/tmp/exps/celery").glob("*.json"):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(read_json(path)["pid"]).kill()


def test_experiments_in_a_folder(clone: Path, one: Path, tmp_path: Path) -> None:
    option = "variants.simple.epochs="
    run("dvc", "exp", "run", "--quiet", "--name", "here", "-S", f"{option}1")
    assert len(read_csv(paths.history("simple"))["epoch"]) == 1
    git("checkout", "-q", "--", ".")
    run("dvc", "checkout", "--quiet", "--force")
    run("dvc", "exp", "run", "--quiet", "--name", "aside", "--temp", "-S", f"{option}3")
    run("dvc", "exp", "run", "--quiet", "--name", "later", "--queue", "-S", f"{option}4")
    run_queue(clone, tmp_path)
    for name, epochs in (("here", 1), ("aside", 3), ("later", 4)):
        data = shown(name)
        metrics = {path.removeprefix("studies/one/"): each["data"] for path, each in data["metrics"].items()}
        assert metrics["metrics/simple.json"]["training"]["epochs"] == epochs, name
    assert len(read_csv(paths.history("simple"))["epoch"]) == 2
    assert run("git", "status", "--porcelain") == ""
    head, *lines = run("latentlab", "runs", "--csv").splitlines()
    column = head.split(",").index("training/epochs")
    assert sorted(float(line.split(",")[column]) for line in _rows(lines)) == [1, 2, 3, 4]
    assert (clone / "mlflow.db").exists()
    assert not (one / "mlflow.db").exists()


def _rows(lines: list[str]) -> list[str]:
    """Rows without the quoted names, in which there may be commas."""
    return [re.sub(r'"[^"]*"', "name", line) for line in lines]


def test_what_is_edited_during_an_experiment_is_not_recorded_as_used(one: Path) -> None:
    replace("epochs: 2", "epochs: 100")
    environment = os.environ | {"LATENTLAB_CHECKPOINT_SECONDS": "0"}
    command = ["dvc", "exp", "run", "--name", "edited"]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not paths.checkpoint("simple").exists():
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    replace("epochs: 100", "epochs: 5")
    out, err = first.communicate()
    line = "error: params.yaml or code changed since `plan` (train@simple: epochs 100 -> 5), and results are of before;"
    assert first.returncode != 0
    assert line in out + err
    assert "edited" not in run("dvc", "exp", "list", "--all")
    assert len(read_csv(paths.history("simple"))["epoch"]) == 100
    assert read_json(paths.plan("train@simple"))["parameters"]["variant"]["epochs"] == 100
    run(*command)
    assert len(read_csv(paths.history("simple"))["epoch"]) == 5
    commit_of = git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/edited").strip()
    assert "epochs: 5" in git("show", f"{commit_of}:./params.yaml")
    assert '"epochs": 5' in git("show", f"{commit_of}:./plan/train@simple.json")


def test_results_travel(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("clone", "-q", str(clone), str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other/src"))
    assert state(Path("studies/two")).startswith("files are missing")
    run("dvc", "pull", "--quiet")
    for name in NAMES:
        ours, theirs = folder_of(Path(), name), folder_of(clone, name)
        assert paths_below(ours) == paths_below(theirs)
    ran = stages_in(run("dvc", "repro", "-P"))
    assert ran - {"studies/one/dvc.yaml:plan", "studies/two/dvc.yaml:plan", "plan"} == {
        "track",  # a store of its own
        "studies/one/dvc.yaml:track",
        "studies/two/dvc.yaml:track",
    }
    assert run("git", "status", "--porcelain") == ""


def paths_below(folder: Path) -> dict[Path, bytes]:
    found = [
        path for part in ("data/prepared", "data/latents", "models", "plots") for path in (folder / part).rglob("*")
    ]
    assert len(found) > 10
    return {path.relative_to(folder): path.read_bytes() for path in found if path.is_file()}


def test_a_clone_without_a_cache_makes_the_same(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("clone", "-q", str(clone), str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other/studies/two")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other/src"))
    run("latentlab", "reproduce")
    assert run("git", "status", "--porcelain", "--", ":!dvc.lock") == ""
    assert read_yaml(paths.LOCK) == read_yaml(clone / "studies/two/dvc.lock")  # in whatever order DVC has put it
    assert paths_below(Path()) == paths_below(clone / "studies/two")


def test_results_of_all_studies_in_all_commits_are_tracked(clone: Path) -> None:
    database = clone / "mlflow.db"
    database.unlink()
    printed = run("latentlab", "track", "--all")
    assert " new runs" in printed
    assert "left out" not in printed
    lines = run("latentlab", "runs", *(f"--study={name}" for name in NAMES), "--csv").splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == set(NAMES)
    assert run("latentlab", "track", "tiny", "one", "two").count("nothing to do") == 3
