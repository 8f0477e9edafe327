"""Opening an MLflow store: the project's own database, another one, or a server. Its faults become one line."""

import configparser
import hashlib
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# seven tries that wait up to two minutes each are MLflow's own idea of patience
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines a run

import mlflow
import sqlalchemy
from alembic.util import CommandError
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from latentlab.tracking.access import FILE, UNKNOWN, hidden
from latentlab.tracking.new_database import make_if_new
from latentlab.tracking.place import VARIABLE, Place, StoreError
from latentlab.tracking.schema import PATIENCE, follow_a_move

UNAUTHENTICATED = ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")  # MLflow's words for an answer 401

for noisy in ("alembic", "mlflow"):  # each tells at length how it makes a database, and repeats what it raises
    logging.getLogger(noisy).setLevel(logging.CRITICAL)


class Store:
    """An open store. Raises `StoreError` if it cannot be used."""

    def __init__(self, place: Place) -> None:
        self.place = place
        # MLflow's own lock lets two processes migrate a new database at once
        with self.using(), self.alone():
            _reach(place.uri)
            make_if_new(place)
            self.client = MlflowClient(place.uri)
            self.client.search_experiments(max_results=1)
            if place.database and place.artifacts:
                follow_a_move(place.database, place.artifacts)

    @contextmanager
    def using(self) -> Iterator[None]:
        """Make this MLflow's current store, and turn its exceptions into one line that names it."""
        before = os.environ.get(VARIABLE)
        mlflow.set_tracking_uri(self.place.uri)  # artifact repositories look here and nowhere else
        try:
            yield
        except (MlflowException, SQLAlchemyError, CommandError, sqlite3.Error, OSError) as error:
            unknown = isinstance(error, MlflowException) and error.error_code in UNAUTHENTICATED
            reason = UNKNOWN if unknown else " ".join(hidden(str(error)).split())[:300]
            raise StoreError(f"{VARIABLE}: {self.place} cannot be used: {reason}") from None
        except configparser.Error:  # its text repeats lines, of which one may be the password
            raise StoreError(f"~/{FILE}: cannot be read, allowed: an INI file with the section [mlflow]") from None
        finally:
            if before is None:  # MLflow sets the variable, which later stores would take for the user's
                os.environ.pop(VARIABLE, None)
            else:
                os.environ[VARIABLE] = before

    @contextmanager
    def alone(self, key: str = "") -> Iterator[None]:
        """Keep other processes of this machine out of the store's set-up and of making runs.

        With the `key` of a result, out of its run: as that of a training which was killed a moment ago.
        """
        name = hashlib.sha256((self.place.uri + key).encode()).hexdigest()
        with self.using():
            lock = FileLock(Path(tempfile.gettempdir()) / f"latentlab-{name}.lock", timeout=PATIENCE, mode=0o666)
            lock.acquire()
        try:
            yield
        finally:
            Path(lock.lock_file).unlink(missing_ok=True)  # who waits for it notices
            lock.release()

    def experiment(self, study: str) -> str:
        """The id of a study's experiment, made if there is none."""
        with self.using(), self.alone():
            found = self.client.get_experiment_by_name(study)
            if found is None:
                location = self.place.artifacts.as_uri() if self.place.artifacts else None
                return str(self.client.create_experiment(study, artifact_location=location))
            return str(found.experiment_id)

    def studies(self) -> list[str]:
        """The names of all experiments that have runs of this package or could have them."""
        with self.using():
            return sorted(experiment.name for experiment in self.client.search_experiments())

    def runs(self, study: str, condition: str) -> list[Any]:
        """MLflow's runs of a study, oldest first, that meet a condition in MLflow's language; [] without the study."""
        with self.using():
            found = self.client.get_experiment_by_name(study)
            runs: list[Any] = []
            token = None
            while found is not None:
                page = self.client.search_runs(
                    [found.experiment_id], condition, max_results=1000, order_by=["start_time"], page_token=token
                )
                runs += page
                token = page.token
                if not token:
                    break
            return runs


def now() -> int:
    """Milliseconds since 1970, MLflow's times."""
    return time.time_ns() // 1_000_000


def _reach(uri: str) -> None:
    """Connect to a database once; MLflow itself would try for two minutes, and tell at length."""
    if uri.startswith(("sqlite:", "postgresql", "mysql", "mssql")):
        engine = sqlalchemy.create_engine(uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()
