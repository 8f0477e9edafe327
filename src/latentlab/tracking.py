"""Runs in MLflow. The only file that imports it."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from latentlab.errors import UserError

KEY = "latentlab.key"
BATCH = 1000  # metrics that a server takes in one call


@dataclass(frozen=True)
class Run:
    """What MLflow is to show of one result. `key` identifies the result; `curves` has a value an epoch from 1 on.

    `artifacts` maps a folder in the run to the files in it.
    """

    name: str
    key: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    curves: Mapping[str, Sequence[float]]
    tags: Mapping[str, str]
    artifacts: Mapping[str, Sequence[Path]]


class Store:
    """An MLflow store: the one in MLFLOW_TRACKING_URI, else an SQLite file `mlflow.db` in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.local = "MLFLOW_TRACKING_URI" not in os.environ
        self.root = root.resolve()
        self.uri = f"sqlite:///{self.root}/mlflow.db" if self.local else os.environ["MLFLOW_TRACKING_URI"]
        with _naming(self.uri):
            self.client = MlflowClient(self.uri)

    def experiment(self, name: str) -> str:
        """The id of the experiment `name`, made if there is none. Raises `UserError` if the store does not answer."""
        with _naming(self.uri):
            found = self.client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            location = (self.root / "mlartifacts").as_uri() if self.local else None
            return str(self.client.create_experiment(name, artifact_location=location))

    def add(self, experiment: str, run: Run) -> bool:
        """Write `run` unless a run with its key is there. Raises `UserError`, and leaves no half-written run."""
        with _naming(self.uri):
            if self.client.search_runs([experiment], f"tags.`{KEY}` = '{run.key}'", max_results=1):
                return False
            # the key comes last: a run that was cut off has none and is not taken for complete
            run_id = self.client.create_run(experiment, run_name=run.name, tags=dict(run.tags)).info.run_id
            try:
                self._fill(run_id, run)
            except BaseException:
                self.client.delete_run(run_id)
                raise
            self.client.set_tag(run_id, KEY, run.key)
            self.client.set_terminated(run_id)
            return True

    def _fill(self, run_id: str, run: Run) -> None:
        now = time.time_ns() // 1_000_000  # milliseconds
        points = [Metric(name, value, now, 0) for name, value in run.metrics.items()]
        for name, values in run.curves.items():
            points += [Metric(name, value, now, epoch) for epoch, value in enumerate(values, 1)]
        params = [Param(key, value) for key, value in run.params.items()]
        self.client.log_batch(run_id, params=params, tags=[RunTag("latentlab.variant", run.name)])
        for start in range(0, len(points), BATCH):
            self.client.log_batch(run_id, metrics=points[start : start + BATCH])
        for folder, files in run.artifacts.items():
            for file in files:
                self.client.log_artifact(run_id, str(file), folder)


@contextmanager
def _naming(uri: str) -> Iterator[None]:
    """Use this store, and turn MLflow's exceptions into one line that names it."""
    mlflow.set_tracking_uri(uri)  # artifact repositories look here and nowhere else
    try:
        yield
    except (MlflowException, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"MLFLOW_TRACKING_URI: {uri} cannot be used: {reason}") from None
