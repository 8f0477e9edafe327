"""One run of a store. Everything is written once: what is there already stays, what is missing or differs is added."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking.multimedia import compress_image_size
from PIL import Image

from latentlab.tracking.glance import CURRENT, KEY, KEYS, PAGE, Held
from latentlab.tracking.store import Store, now

BATCH = 1000  # metrics that a server takes in one call; of params and tags it takes 100
SMALL_BATCH = 100
IMAGES = "images"  # the folder that the image grid of MLflow's web page reads


class Run:
    """A run of MLflow, with what it holds. `writes` counts the calls that changed it."""

    def __init__(self, store: Store, found: Any, new: bool = False) -> None:
        self.store = store
        self.client = store.client
        self.id = str(found.info.run_id)
        self.experiment = str(found.info.experiment_id)
        self.status = str(found.info.status)
        self.start = int(found.info.start_time)
        self.end: int | None = found.info.end_time
        self.artifacts = str(found.info.artifact_uri)
        self.tags: dict[str, str] = dict(found.data.tags)
        self.new = new
        self._params: dict[str, str] = dict(found.data.params)
        self._metrics: dict[str, float] = dict(found.data.metrics)
        self.writes = 0

    @classmethod
    def begin(cls, store: Store, study: str, name: str, key: str) -> "Run":
        """The run of the result `key`, made if there is none."""
        experiment = store.experiment(study)
        with store.using(), store.alone():
            found = store.client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", order_by=["start_time"])
            if found:
                return cls(store, found[0])
            made = store.client.create_run(
                experiment, run_name=name, tags={KEY: key, KEYS: CURRENT, "latentlab.variant": name}
            )
            run = cls(store, made, new=True)
            run.writes = 1
            return run

    @classmethod
    def begin_page(cls, store: Store, study: str) -> "Run":
        """The study's own run, made if there is none."""
        experiment = store.experiment(study)
        with store.using(), store.alone():
            found = store.client.search_runs([experiment], f"tags.`{PAGE}` LIKE '%'", order_by=["start_time"])
            made = found or [store.client.create_run(experiment, run_name=study, tags={PAGE: ""})]
            return cls(store, made[0], new=not found)

    def describe(self, study: str, params: Mapping[str, Any], code: str) -> None:
        """Say what the result is made with; `code` is a hash of the source."""
        self.set_params(params)
        self.set_tags({"latentlab.study": study, "latentlab.code": code})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add those tags that are missing or have another value."""
        other = {name: value for name, value in tags.items() if self.tags.get(name) != value}
        with self.store.using():
            for some in _batches([RunTag(name, value) for name, value in other.items()], SMALL_BATCH):
                self.client.log_batch(self.id, tags=some)
                self.writes += 1
        self.tags |= other

    def drop_tag(self, name: str) -> None:
        """Remove a tag, if it is there."""
        if self.tags.pop(name, None) is not None:
            with self.store.using():
                self.client.delete_tag(self.id, name)
            self.writes += 1

    @property
    def held(self) -> Held:
        """What the store has of it."""
        return Held(self.status, self.tags, self.artifacts)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Add those parameters that are missing; MLflow lets none be changed."""
        missing = [Param(name, str(value)) for name, value in params.items() if name not in self._params]
        with self.store.using():
            for some in _batches(missing, SMALL_BATCH):
                self.client.log_batch(self.id, params=some)
                self.writes += 1
        self._params |= {param.key: param.value for param in missing}

    def set_metrics(self, metrics: Mapping[str, float]) -> None:
        """Add those final metrics that are missing or have another value."""
        time = now()
        other = {name: value for name, value in metrics.items() if self._metrics.get(name) != value}
        self._log([Metric(name, float(value), time, 0) for name, value in other.items()])
        self._metrics |= other

    def set_curves(self, curves: Mapping[str, Sequence[float]]) -> None:
        """Add those points that are missing: a value for each `epoch`, which is one of the curves' names."""
        time = now()
        points = []
        for name in curves.keys() - {"epoch"}:
            known = self.epochs(name)
            points += [
                Metric(name, float(value), time, int(epoch))
                for epoch, value in zip(curves["epoch"], curves[name], strict=True)
                if epoch not in known
            ]
        self._log(points)

    def epochs(self, name: str) -> set[int]:
        """The epochs of which a metric has a value."""
        if self.new:
            return set()
        with self.store.using():
            return {point.step for point in self.client.get_metric_history(self.id, name)}

    def log_epochs(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Add rows of a history; `epoch` is their step."""
        time = now()
        self._log(
            [
                Metric(name, float(value), time, int(row["epoch"]))
                for row in rows
                for name, value in row.items()
                if name != "epoch"
            ]
        )

    def _log(self, points: Sequence[Metric]) -> None:
        with self.store.using():
            for some in _batches(points, BATCH):
                self.client.log_batch(self.id, metrics=some)
                self.writes += 1

    def put_files(self, folder: str, files: Iterable[Path]) -> None:
        """Upload files into a folder of the run; those of the same name are replaced."""
        with self.store.using():
            for file in files:
                self.client.log_artifact(self.id, str(file), folder)
                self.writes += 1

    def put_images(self, files: Mapping[str, Path]) -> None:
        """Upload PNG files so that the image grid shows them by their key, and no others.

        The names are those of `MlflowClient.log_image`, with hashes in place of random numbers: a second upload of the
        same picture changes nothing.
        """
        with self.store.using(), tempfile.TemporaryDirectory() as temporary:
            for key, file in files.items():
                content = file.read_bytes()
                identity = UUID(bytes=hashlib.md5(content).digest())
                name = f"{key.replace('/', '~')}+step+0+timestamp+{self.start}+{identity}"
                (Path(temporary) / f"{name}.png").write_bytes(content)
                with Image.open(file) as image:
                    compress_image_size(image).save(Path(temporary) / f"{name}+compressed.webp")
            wanted = {file.name for file in Path(temporary).iterdir()}
            if not self.new:
                repository = get_artifact_repository(self.artifacts)
                for left in repository.list_artifacts(IMAGES):
                    if Path(left.path).name not in wanted:
                        repository.delete_artifacts(left.path)  # type: ignore[no-untyped-call]
            self.client.log_artifacts(self.id, temporary, IMAGES)
            self.writes += 1
        self.set_tags({"mlflow.loggedImages": "true"})

    def set_dataset(self, name: str, digest: str, source: str, profile: Mapping[str, Any]) -> None:
        """Name the data that the run was trained on."""
        dataset = Dataset(
            name=name,
            digest=digest[:36],  # MLflow takes no more
            source_type="local",
            source=json.dumps({"uri": source}),
            profile=json.dumps(profile),
        )
        with self.store.using():
            self.client.log_inputs(self.id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
        self.writes += 1

    def set_status(self, status: str) -> None:
        """RUNNING, SCHEDULED, FINISHED, FAILED or KILLED. All but the first have an end: when it stopped running."""
        if status == self.status:
            return
        end = (self.end if self.status != "RUNNING" else None) or now()
        with self.store.using():
            if status == "RUNNING":
                self.client.update_run(self.id, status=status)
            else:
                self.client.set_terminated(self.id, status, end)
                self.end = end
        self.status = status
        self.writes += 1


def _batches(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
