"""MLflow: one complete run a result, never a second one, never half of one."""

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from latentlab import provenance
from latentlab.errors import UserError
from latentlab.tracking import KEY, Run, Store


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated, empty MLflow database: making one takes seconds."""
    root = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Store(root).experiment("warm-up")
    return (root / "mlflow.db").read_bytes()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: bytes) -> Store:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(database)
    return Store(tmp_path)


def run(tmp_path: Path, **changes: Any) -> Run:
    file = tmp_path / "losses.png"
    file.write_bytes(b"\x89PNG")
    content = {
        "name": "simple",
        "key": "abc",
        "params": {"epochs": "2"},
        "metrics": {"reconstruction/bce": 0.1},
        "curves": {"loss": [0.5, 0.25], "validation_loss": [0.6, 0.3]},
        "tags": {"git.dirty": "false"},
        "artifacts": {"plots": [file]},
    }
    return Run(**(content | changes))


def test_a_run_holds_everything(store: Store, tmp_path: Path) -> None:
    experiment = store.experiment("quick")
    assert store.add(experiment, run(tmp_path))
    (found,) = store.client.search_runs([experiment])
    assert found.info.run_name == "simple"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"epochs": "2"}
    assert found.data.tags[KEY] == "abc"
    assert found.data.tags["git.dirty"] == "false"
    assert found.data.metrics["reconstruction/bce"] == 0.1
    history = store.client.get_metric_history(found.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.25)]
    assert [file.path for file in store.client.list_artifacts(found.info.run_id, "plots")] == ["plots/losses.png"]
    assert (tmp_path / "mlartifacts").is_dir()


def test_the_same_result_makes_no_second_run(store: Store, tmp_path: Path) -> None:
    experiment = store.experiment("quick")
    assert store.experiment("quick") == experiment
    assert [store.add(experiment, run(tmp_path, key=key)) for key in ("abc", "abc", "def")] == [True, False, True]
    assert len(store.client.search_runs([experiment])) == 2


def test_more_points_than_one_call_takes(store: Store, tmp_path: Path) -> None:
    experiment = store.experiment("quick")
    store.add(experiment, run(tmp_path, curves={"loss": [float(n) for n in range(2500)]}))
    (found,) = store.client.search_runs([experiment])
    assert len(store.client.get_metric_history(found.info.run_id, "loss")) == 2500


def test_a_run_that_fails_is_not_left_half_written(store: Store, tmp_path: Path) -> None:
    experiment = store.experiment("quick")
    with pytest.raises(UserError, match="cannot be used"):
        store.add(experiment, run(tmp_path, artifacts={"plots": [tmp_path / "missing.png"]}))
    assert store.client.search_runs([experiment]) == []
    assert store.add(experiment, run(tmp_path))


def test_another_store_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: bytes) -> None:
    (tmp_path / "other.db").write_bytes(database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    Store(tmp_path / "project").experiment("quick")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        names = [row[0] for row in connection.execute("select name from experiments")]
    connection.close()
    assert "quick" in names
    assert not (tmp_path / "project").exists()


def test_a_store_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://here")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI: nonsense://here cannot be used") as raised:
        Store(tmp_path)
    assert "\n" not in str(raised.value)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_commit_and_dirty_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_tags() == {}
    git(tmp_path, "init", "-q")
    for name in ("dvc.lock", "code.py"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    clean = provenance.git_tags()
    assert len(clean["git.commit"]) == 40
    assert clean["git.dirty"] == "false"
    (tmp_path / "dvc.lock").write_text("2")  # a result, written by the pipeline itself
    assert provenance.git_tags() == clean
    (tmp_path / "code.py").write_text("2")
    assert provenance.git_tags()["git.dirty"] == "true"


def test_versions() -> None:
    tags = provenance.version_tags()
    assert set(tags) == {"version.python", *(f"version.{name}" for name in provenance.LIBRARIES)}
    assert all(value[0].isdigit() for value in tags.values())
