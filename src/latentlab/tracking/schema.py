"""The tables of MLflow's database, which promise nothing: all that this project reads and writes without MLflow.

Each is a convenience. When MLflow changes its tables, what is here gives up and MLflow itself does the work, or says
what is wrong; `tests/tracking/test_schema.py` then fails.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

PATIENCE = 60.0  # seconds to wait for another process that writes
TAGS = """
SELECT runs.run_uuid, runs.status, runs.artifact_uri, tags.key, tags.value
FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid JOIN experiments USING (experiment_id)
WHERE runs.lifecycle_stage = 'active' AND experiments.name = ?
ORDER BY runs.start_time, runs.run_uuid
"""
LOCATIONS = {  # columns that hold the place of files
    "experiments": ["artifact_location"],
    "runs": ["artifact_uri"],
    "logged_models": ["artifact_location"],
    "model_versions": ["source", "storage_location"],
}


def read_tags(database: Path, study: str) -> list[tuple[str, str, str, str, str]]:
    """Run, status, place of files, name and value of each tag of a study's runs, oldest run first.

    MLflow takes three seconds to import and to open a store. Raises `sqlite3.Error`.
    """
    with _reading(database) as connection:
        return connection.execute(TAGS, (study,)).fetchall()


def follow_a_move(database: Path, artifacts: Path) -> None:
    """MLflow stores absolute places: after the project was moved or copied, let them point to `artifacts`.

    Nothing is written where nothing has moved. A database that is not as expected costs a line of warning.
    """
    here = artifacts.as_uri()
    try:
        with _reading(database) as connection:
            places = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        old = {place for (place,) in places if place and place.endswith(f"/{artifacts.name}") and place != here}
        if old:
            _move(database, old, here)
    except sqlite3.Error as error:
        print(f"warning: {database.name}: files that were moved may not be found ({error})", file=sys.stderr)


def _reading(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True))


def _move(database: Path, old: set[str], here: str) -> None:
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        for place, (table, column) in ((place, location) for place in old for location in _columns()):
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (here, len(place) + 1, place, len(place) + 1, place + "/"),
            )


def _columns() -> Iterator[tuple[str, str]]:
    return ((table, column) for table, columns in LOCATIONS.items() for column in columns)
