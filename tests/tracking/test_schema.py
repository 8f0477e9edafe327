"""The contract with MLflow's tables: this fails clearly when a new version of MLflow changes them."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from latentlab.tracking.glance import glance
from latentlab.tracking.models import ToServe, put_model, register
from latentlab.tracking.place import Place
from latentlab.tracking.run import Run
from latentlab.tracking.schema import LOCATIONS, follow_a_move, read_tags
from latentlab.tracking.store import Store

CHANGED = "MLflow's tables have changed: read them anew, then mend tracking/schema.py"


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """A store with a run, its files and a registered model: every table that may hold a place has a row."""
    run = Run.begin(store, "quick", "simple", "abc")
    (tmp_path / "file").write_bytes(b"content")
    run.put_files("features", [tmp_path / "file"])
    put_model(run, ToServe("simple-encoder", tmp_path / "file", "1", np.zeros((1, 4), np.float32), (4,)))
    (found,) = store.runs("quick", "")
    register(store, found, {"simple-encoder": "quick-encoder"})
    run.set_status("FINISHED")
    return store


def database(store: Store) -> Path:
    assert store.place.database
    return store.place.database


def texts(path: Path) -> Iterator[tuple[str, str, str]]:
    """Table, column and value of every text in a database."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield from ((table, column, str(value)) for column, value in zip(columns, row, strict=True))


def test_the_tags_of_runs_are_where_they_are_read(filled: Store) -> None:
    (run,) = filled.runs("quick", "")
    rows = read_tags(database(filled), "quick")
    assert {row[:3] for row in rows} == {(run.info.run_id, "FINISHED", run.info.artifact_uri)}, CHANGED
    assert {name: value for *_, name, value in rows} == run.data.tags, CHANGED
    filled.client.delete_run(run.info.run_id)
    assert read_tags(database(filled), "quick") == [], CHANGED


def test_places_of_files_are_in_these_columns_and_no_others(filled: Store) -> None:
    root = str(filled.place.artifacts)
    found = {(table, column) for table, column, value in texts(database(filled)) if root in value}
    # a version's source names its model; one of a file, as older versions of MLflow wrote it, would have a place there
    expected = {(table, column) for table, columns in LOCATIONS.items() for column in columns}
    assert found | {("model_versions", "source")} == expected, CHANGED


def test_nothing_is_written_where_nothing_has_moved(filled: Store) -> None:
    assert filled.place.artifacts
    before = database(filled).read_bytes()
    database(filled).chmod(0o444)
    follow_a_move(database(filled), filled.place.artifacts)
    assert database(filled).read_bytes() == before


def rename_everything(path: Path) -> None:
    """As a version of MLflow could do."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE experiments RENAME COLUMN artifact_location TO place")
        connection.execute("ALTER TABLE tags RENAME TO labels")


def test_other_tables_cost_a_line_of_warning_and_no_more(filled: Store, capsys: pytest.CaptureFixture[str]) -> None:
    rename_everything(database(filled))
    assert filled.place.artifacts
    assert glance(filled.place, "quick") == {}
    follow_a_move(database(filled), filled.place.artifacts)
    warning = "warning: mlflow.db: files that were moved may not be found (no such column: artifact_location)\n"
    assert capsys.readouterr().err == warning


def test_a_store_opens_though_its_files_cannot_be_found_again(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tmp_path / "project", tmp_path / "elsewhere")
    monkeypatch.setitem(LOCATIONS, "runs", ["no_such_column"])
    moved = Store(Place.of(tmp_path / "elsewhere"))
    assert [run.info.run_name for run in moved.runs("quick", "")] == ["simple"]
    assert "warning: mlflow.db: files that were moved may not be found" in capsys.readouterr().err
