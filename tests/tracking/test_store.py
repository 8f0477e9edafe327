"""Runs in MLflow: written once, mended where something is missing, found again wherever the store is."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentlab.config import paths, project
from latentlab.errors import UserError
from latentlab.metrics.curves import comparable
from latentlab.pipeline import provenance
from latentlab.storage.json import write_json
from latentlab.tracking import comparison, receiver
from latentlab.tracking.glance import KEY, Held, glance
from latentlab.tracking.models import ToServe, put_model
from latentlab.tracking.place import Place, StoreError
from latentlab.tracking.run import Run
from latentlab.tracking.sender import TRAINED, Live
from latentlab.tracking.store import Store
from tests.conftest import git

ROWS = [{"epoch": float(epoch), "loss": 1 / epoch, "validation_loss": 2 / epoch} for epoch in range(1, 5)]


def begin(store: Store, key: str = "abc") -> Run:
    return Run.begin(store, "quick", "simple", key)


def read(store: Store) -> Any:
    (found,) = store.runs("quick", f"tags.`{KEY}` LIKE '%'")
    return found


def points(store: Store, name: str) -> list[tuple[int, float]]:
    run = read(store)
    return [(point.step, point.value) for point in store.client.get_metric_history(run.info.run_id, name)]


def picture(path: Path, colour: int) -> Path:
    Image.fromarray(np.full((8, 9), colour, np.uint8)).save(path)
    return path


def fill(run: Run, folder: Path) -> None:
    run.set_params({"epochs": 2, "units": [32]})
    run.set_tags({"git.dirty": "false"})
    run.set_metrics({"test/bce": 0.1})
    run.set_curves({"epoch": [1, 2], "loss": [0.5, 0.25]})
    run.put_files("plots", [picture(folder / "losses.png", 9)])
    run.put_images({"losses": folder / "losses.png"})
    run.set_status("FINISHED")


def test_a_run_holds_everything(store: Store, tmp_path: Path) -> None:
    fill(begin(store), tmp_path)
    found = read(store)
    assert (found.info.run_name, found.info.status) == ("simple", "FINISHED")
    assert found.data.params == {"epochs": "2", "units": "[32]"}
    assert found.data.tags["git.dirty"] == "false"
    assert found.data.metrics["test/bce"] == 0.1
    assert points(store, "loss") == [(1, 0.5), (2, 0.25)]
    files = [file.path for file in store.client.list_artifacts(found.info.run_id, "images")]
    assert [Path(file).suffix for file in sorted(files)] == [".webp", ".png"]
    assert all(file.startswith("images/losses+step+0+timestamp+") for file in files)
    assert (tmp_path / "project/mlartifacts").is_dir()


def test_nothing_is_written_twice(store: Store, tmp_path: Path) -> None:
    fill(begin(store), tmp_path)
    again = begin(store)
    assert not again.new
    again.set_params({"epochs": 2})
    again.set_tags({"git.dirty": "false"})
    again.set_metrics({"test/bce": 0.1})
    again.set_curves({"epoch": [1, 2], "loss": [0.5, 0.25]})
    again.set_status("FINISHED")
    assert again.writes == 0
    assert points(store, "loss") == [(1, 0.5), (2, 0.25)]


def test_missing_points_are_added_and_a_new_picture_takes_the_place_of_the_old(store: Store, tmp_path: Path) -> None:
    fill(begin(store), tmp_path)
    again = begin(store)
    again.set_curves({"epoch": [1, 2, 3], "loss": [0.5, 0.25, 0.125], "kl_loss": [1.0, 0.5, 0.25]})
    assert points(store, "loss") == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert points(store, "kl_loss") == [(1, 1.0), (2, 0.5), (3, 0.25)]
    before = {file.path for file in store.client.list_artifacts(again.id, "images")}
    again.put_images({"losses": tmp_path / "losses.png"})
    assert {file.path for file in store.client.list_artifacts(again.id, "images")} == before
    again.put_images({"losses": picture(tmp_path / "losses.png", 99)})
    after = {file.path for file in store.client.list_artifacts(again.id, "images")}
    assert len(after) == 2
    assert not after & before


def test_more_of_everything_than_one_call_takes(store: Store) -> None:
    run = begin(store)
    run.set_curves({"epoch": range(1, 2501), "loss": [float(n) for n in range(2500)]})
    run.set_params({f"p{n}": n for n in range(150)})
    run.set_tags({f"t{n}": str(n) for n in range(150)})
    assert len(points(store, "loss")) == 2500
    assert len(read(store).data.params) == 150
    assert "t149" in read(store).data.tags


def test_two_results_are_two_runs_and_a_deleted_run_comes_back(store: Store) -> None:
    first, second = begin(store, "abc"), begin(store, "def")
    assert first.id != second.id
    store.client.delete_run(first.id)
    assert begin(store, "abc").id != first.id
    assert len(store.runs("quick", "")) == 2


def test_a_model_is_logged_once_and_half_of_one_is_replaced(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "encoder.keras"
    file.write_bytes(b"weights")
    model = ToServe("simple-encoder", file, "1", np.zeros((2, 28, 28, 1), np.float32), (32,))
    run = begin(store)
    store.client.create_logged_model(
        run.experiment, "simple-encoder", source_run_id=run.id, tags={"md5": "1"}
    )  # cut off
    put_model(run, model)
    writes = run.writes
    put_model(run, model)
    assert run.writes == writes
    (logged,) = store.client.search_logged_models([run.experiment])
    assert (logged.name, str(logged.status)) == ("simple-encoder", "READY")
    put_model(run, ToServe("simple-encoder", file, "2", model.example, (32,)))
    (other,) = store.client.search_logged_models([run.experiment])
    assert other.model_id != logged.model_id


def batches(*groups: list[dict[str, Any]]) -> Any:
    return iter(groups)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch, store: Store) -> Callable[..., None]:
    """Logs rows as the process beside a training does, with inputs that are made up."""
    from latentlab.pipeline.inputs import Inputs
    from latentlab.pipeline.plan import Plan, write_plans

    made_up = Inputs({"train": Plan({"seed": 1}, {"src/a.py": "0"}, {})}, {})
    write_plans({"track": Plan({"numerics": "portable", "study": "quick", "variants": ["simple"]}, {}, {})})
    monkeypatch.setattr("latentlab.pipeline.inputs.planned", lambda variant: made_up)
    write_json(paths.CARD, {"image_shape": [2, 3, 1]})
    monkeypatch.setattr(receiver, "origin", lambda variant: {"git.dirty": "false", "platform.of": "training"})
    return lambda *groups: receiver.log("simple", batches(*groups))


def test_a_training_that_was_killed_goes_on_in_its_run(store: Store, training: Callable[..., None]) -> None:
    training(ROWS[:1], ROWS[1:3])
    assert read(store).info.status == "KILLED"
    training(ROWS[1:3], [ROWS[3], {"status": TRAINED}])  # from a checkpoint of the first epoch
    assert read(store).info.status == TRAINED
    assert points(store, "loss") == [(int(row["epoch"]), row["loss"]) for row in ROWS]
    assert read(store).data.tags["platform.of"] == "training"
    assert read(store).data.params == {"seed": "1"}


def test_a_training_that_went_well_is_half_a_run_with_an_end(
    store: Store, training: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Live("simple", wanted=False) as live:
        ours, live._pipe = os.pipe()
        monkeypatch.setattr(live, "process", SimpleNamespace(wait=lambda _: 0))
        live.epoch(ROWS[0])
    with open(ours) as pipe:
        training([json.loads(line) for line in pipe])
    half = read(store)
    assert half.info.status == "SCHEDULED"
    assert store.runs("quick", comparison.WHOLE) == []
    time.sleep(0.01)
    run = begin(store, half.data.tags[KEY])
    fill(run, tmp_path)
    whole = read(store)
    assert (whole.info.status, whole.info.end_time) == ("FINISHED", half.info.end_time)  # the training's end
    assert half.info.start_time <= half.info.end_time


@pytest.mark.parametrize("end", [[{"status": TRAINED}], [{"status": "FAILED"}], []], ids=str)
def test_a_training_that_is_repeated_leaves_a_whole_run_whole(
    store: Store, training: Callable[..., None], tmp_path: Path, end: list[dict[str, Any]]
) -> None:
    training(ROWS, [{"status": TRAINED}])
    fill(begin(store, read(store).data.tags[KEY]), tmp_path)
    whole = read(store)
    training(ROWS, *([end] if end else []))
    again = read(store)
    assert (again.info.status, again.info.end_time) == ("FINISHED", whole.info.end_time)
    assert points(store, "loss") == [(int(row["epoch"]), row["loss"]) for row in ROWS]


def test_losses_have_a_unit_in_common() -> None:
    plain = comparable(
        {"epoch": 1.0, "loss": 0.5, "reconstruction_loss": 0.3, "validation_reconstruction_loss": 0.4}, 6
    )
    assert (plain["bce"], plain["validation_bce"], plain["loss"]) == (0.3, 0.4, 0.5)
    variational = comparable({"reconstruction_loss": 12.0, "kl_loss": 1.0}, 6)
    assert variational == {"reconstruction_loss": 12.0, "kl_loss": 1.0, "bce": 2.0}


def test_a_training_that_failed_says_so(store: Store, training: Callable[..., None]) -> None:
    training([{"status": "FAILED"}])
    assert read(store).info.status == "FAILED"


def test_rows_are_read_whole_and_the_last_ones_without_a_pause() -> None:
    source, sink = os.pipe()
    os.write(sink, b'{"epoch": 1}\n{"epoch": 2}\n{"epo')
    batches = receiver.lines(source)
    assert next(batches) == [{"epoch": 1}, {"epoch": 2}]
    os.write(sink, b'ch": 3}\n{"half')
    os.close(sink)
    start = time.monotonic()
    assert list(batches) == [[{"epoch": 3}]]
    assert time.monotonic() - start < receiver.PAUSE / 2
    os.close(source)


def test_a_fault_of_the_live_log_is_one_line(
    store: Store, training: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/none/mlflow.db")
    assert receiver.main("simple", -1) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "warning: no live losses: MLFLOW_TRACKING_URI: sqlite:////proc/none/mlflow.db cannot be used"
    )
    assert line.endswith("`latentlab track` completes the run")


def test_a_glance_sees_what_mlflow_sees(store: Store, tmp_path: Path) -> None:
    assert glance(store.place, "quick") == {}
    run = begin(store)
    fill(run, tmp_path)
    begin(store, "def")
    seen = glance(store.place, "quick")
    assert set(seen) == {"abc", "def"}
    assert seen["abc"] == Run(store, store.client.get_run(run.id)).held
    assert seen["abc"].has_files(store.place)
    shutil.rmtree(tmp_path / "project/mlartifacts" / run.id)
    assert not seen["abc"].has_files(store.place)


@pytest.mark.parametrize("uri", ["sqlite:////none/at/all.db", "http://127.0.0.1:9", "postgresql://x/y"])
def test_a_glance_that_fails_is_no_fault(uri: str) -> None:
    assert glance(Place(uri), "quick") == {}


def test_the_files_of_a_server_are_not_looked_at() -> None:
    assert Held("FINISHED", {}, "mlflow-artifacts:/1/2/artifacts").has_files(Place("http://x"))


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_a_moved_or_copied_project_keeps_its_pictures(store: Store, tmp_path: Path, move: Any) -> None:
    run = begin(store)
    fill(run, tmp_path)
    file = tmp_path / "encoder.keras"
    file.write_bytes(b"weights")
    put_model(run, ToServe("simple-encoder", file, "1", np.zeros((1, 4), np.float32), (4,)))
    move(tmp_path / "project", tmp_path / "elsewhere")
    place = Place.of(tmp_path / "elsewhere")
    assert not glance(place, "quick")["abc"].has_files(place)
    moved = Store(place)
    assert glance(place, "quick")["abc"].has_files(place)
    with moved.using():
        shown = moved.client.download_artifacts(run.id, "plots/losses.png", str(tmp_path))
    assert Path(shown).read_bytes() == (tmp_path / "losses.png").read_bytes()
    (model,) = moved.client.search_logged_models([run.experiment])
    assert "elsewhere/mlartifacts" in model.artifact_location
    if move is shutil.copytree:
        assert glance(store.place, "quick")["abc"].has_files(store.place)


def test_an_experiment_of_dvc_uses_the_project_it_is_from(tmp_path: Path) -> None:
    copy = tmp_path / ".dvc/tmp/exps/standalone/tmp123"
    for folder in (tmp_path, copy):
        (folder / ".dvc").mkdir(parents=True, exist_ok=True)
        (folder / "studies/a").mkdir(parents=True)
        assert project.root(folder / "studies/a") == folder
        assert project.home(folder / "studies/a") == tmp_path
        assert Place.of(folder / "studies/a").database == tmp_path / "mlflow.db"


def test_another_store_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: bytes) -> None:
    uri = f"sqlite:///{tmp_path}/other.db"
    (tmp_path / "other.db").write_bytes(database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    store = Store(Place.of(tmp_path / "project"))
    store.experiment("quick")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        names = [row[0] for row in connection.execute("select name from experiments")]
    assert "quick" in names
    assert not (tmp_path / "project").exists()
    assert Place.of(tmp_path).uri == uri  # MLflow has not changed what the user set


def test_a_store_leaves_no_trace_in_the_environment(store: Store, tmp_path: Path) -> None:
    fill(begin(store), tmp_path)
    assert Place.of(tmp_path).uri == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize(
    "uri", ["nonsense://here", "sqlite:////proc/none/mlflow.db", "sqlite:////dev/full", "http://127.0.0.1:9"]
)
def test_a_store_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(StoreError, match=f"MLFLOW_TRACKING_URI: {uri} cannot be used") as raised:
        Store(Place.of(tmp_path))
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_new_database_is_migrated_once_whoever_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code = "from pathlib import Path; from latentlab.tracking import store, place; "
    code += "print(store.Store(place.Place.of(Path())).experiment('quick'))"
    started = [
        subprocess.Popen(["python", "-c", code], cwd=tmp_path, stdout=-1, stderr=-1, text=True) for _ in range(3)
    ]
    ended = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], ended
    assert len({out for out, _ in ended}) == 1
    assert {err for _, err in ended} == {""}


def test_runs_that_begin_at_once_are_one(store: Store) -> None:
    threads = [threading.Thread(target=begin, args=(store,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.runs("quick", "")) == 1


def test_commit_and_dirty_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_tags() == {}
    git("init", "-q")
    for name in ("dvc.lock", "code.py"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first")
    clean = provenance.git_tags()
    assert len(clean["git.commit"]) == 40
    assert clean["git.dirty"] == "false"
    (tmp_path / "dvc.lock").write_text("2")  # a result, written by the pipeline itself
    assert provenance.git_tags() == clean
    (tmp_path / "code.py").write_text("2")
    changed = provenance.git_tags()
    assert changed["git.dirty"] == "true"
    (tmp_path / "new.py").write_text("3")
    assert len({changed["git.diff"], provenance.git_tags()["git.diff"]}) == 2


def test_files_of_other_studies_do_not_make_a_tree_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first", "--allow-empty")
    (tmp_path / ".dvc").mkdir()
    for name in ("one", "[two]"):
        (tmp_path / "studies" / name).mkdir(parents=True)
    (tmp_path / "studies/[two]/params.yaml").write_text("seed: 1")
    dirty = {}
    for folder in (".", "studies", "studies/one", "studies/[two]"):
        monkeypatch.chdir(tmp_path / folder)
        dirty[folder] = provenance.git_tags()["git.dirty"]
    assert dirty == {".": "false", "studies": "false", "studies/one": "false", "studies/[two]": "true"}


def test_versions_and_platform() -> None:
    tags = provenance.version_tags()
    assert set(tags) == {"version.python", *(f"version.{name}" for name in provenance.LIBRARIES)}
    assert all(value[0].isdigit() for value in tags.values())
    locked = ["# keras==1", "keras==3.1 \\", "    --hash=sha256:0", "numpy==2.0.1 ; python_version > '3' \\"]
    locked += ["numpy==1.0 ; python_version < '3'", "keras-hub==9", ""]
    pinned = provenance.pinned_tags("\n".join(locked))
    assert pinned == {"version.keras": "3.1", "version.numpy": "2.0.1"}
    platform = provenance.platform_tags()
    assert set(platform) == {f"platform.{name}" for name in ("system", "cpu", "instructions", "cores")}
    assert int(platform["platform.cores"]) >= 1
    assert platform["platform.cpu"]


def test_a_missing_git_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.git_tags() == {}
    assert provenance.command(None, "vae", Path()) == "dvc repro plot@vae evaluate@vae"
    expected = "git checkout abc && cd studies/a && dvc repro plot@vae evaluate@vae"
    assert provenance.command("abc", "vae", Path("studies/a")) == expected


def test_faults_of_single_results_are_errors_of_the_user() -> None:
    assert issubclass(StoreError, UserError)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    assert (
        str(Place("postgresql://mlflow:secret@db.example.org/mlflow"))
        == "postgresql://mlflow:***@db.example.org/mlflow"
    )
    assert str(Place("http://127.0.0.1:5000")) == "http://127.0.0.1:5000"


def test_a_diff_that_is_no_utf8_has_a_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    (tmp_path / "a.txt").write_bytes(b"\xff")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first")
    (tmp_path / "a.txt").write_bytes(b"\xfe")
    assert len(provenance.git_tags()["git.diff"]) == 64


def test_untracked_files_are_hashed_in_pieces_and_not_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first", "--allow-empty")
    (tmp_path / "small").write_text("x")
    assert len(provenance.git_tags()["git.diff"]) == 64
    with (tmp_path / "large").open("wb") as file:
        file.truncate(provenance.LARGEST + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read whole"))
    assert provenance.git_tags()["git.diff"] == "not hashed, as untracked files are larger than 100 MB"


KILLED_WHILE_MIGRATING = """
import os, signal, sqlalchemy
from pathlib import Path
from latentlab.tracking.place import Place
from latentlab.tracking.store import Store

@sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
def kill(connection, cursor, statement, *_):
    if "DROP TABLE" in statement:  # its copy, which takes its place next, is there
        os.kill(os.getpid(), signal.SIGKILL)

Store(Place.of(Path()))
"""


@pytest.mark.slow
def test_a_new_database_is_made_again_after_a_kill_in_its_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    killed = subprocess.run(["python", "-c", KILLED_WHILE_MIGRATING], cwd=tmp_path)
    assert killed.returncode == -9
    assert glance(Place.of(tmp_path), "quick") == {}
    fill(begin(Store(Place.of(tmp_path))), tmp_path)
    assert [path.name for path in tmp_path.glob("*mlflow.db*")] == ["mlflow.db"]


@pytest.mark.slow
def test_a_new_database_for_which_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", fail)
        with pytest.raises(StoreError, match=r"mlflow\.db cannot be used: .*\(No space left on device\)"):
            Store(Place.of(tmp_path))
    assert Store(Place.of(tmp_path)).studies() == ["Default"]
