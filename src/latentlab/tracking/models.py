"""Encoder and decoder as models of MLflow, which loads and serves them, and whose registry can name the best."""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from latentlab.storage.memory import Array
from latentlab.tracking.run import Run
from latentlab.tracking.store import Store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own type hints
    import mlflow.pyfunc

LOADER = Path(__file__).with_name("served.py")
HASH = "md5"  # the tag of a model that tells which file it is from
MODEL = "latentlab.model"  # the tag of a version in the registry that tells which model it is
BEST = "best"  # the alias in the registry


@dataclass(frozen=True)
class ToServe:
    """A Keras model to be served: its file, that file's MD5, some inputs (N, ...) float32, the shape of an output."""

    name: str
    file: Path
    md5: str
    example: Array
    output: Sequence[int]


def put_model(run: Run, model: ToServe) -> None:
    """Log a model as a result of the run, unless it has it."""
    with run.store.using():
        if _ready(run, model):
            return
        made = run.client.create_logged_model(
            run.experiment, name=model.name, source_run_id=run.id, tags={HASH: model.md5}, model_type="keras"
        )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            _save(model, folder, Model(run_id=run.id, model_id=made.model_id))
            run.client.log_model_artifacts(made.model_id, str(folder))
        run.client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
        run.client.log_outputs(run.id, [LoggedModelOutput(made.model_id, step=0)])
    run.writes += 1


def _ready(run: Run, model: ToServe) -> bool:
    """Whether the run has the model; what is left of uploads that were cut off is removed."""
    ready = False
    for found in logged(run.store, run.experiment, run.id):
        if found.name != model.name:
            continue
        if found.status == LoggedModelStatus.READY and found.tags.get(HASH) == model.md5 and not ready:
            ready = True
        else:
            run.client.delete_logged_model(found.model_id)
    return ready


def logged(store: Store, experiment: str, run: str) -> list[Any]:
    """MLflow's models of a run."""
    return list(store.client.search_logged_models([experiment], filter_string=f"source_run_id = '{run}'"))


def _save(model: ToServe, folder: Path, description: Model) -> None:
    inputs = TensorSpec(np.dtype(np.float32), (-1, *model.example.shape[1:]))
    outputs = TensorSpec(np.dtype(np.float32), (-1, *model.output))
    mlflow.pyfunc.save_model(
        folder,
        loader_module=LOADER.stem,
        data_path=str(model.file),
        code_paths=[str(LOADER)],
        mlflow_model=description,
        signature=ModelSignature(Schema([inputs]), Schema([outputs])),
        input_example=model.example,
        pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "numpy", "tensorflow")],
    )


def register(store: Store, run: Any, names: dict[str, str]) -> list[str]:
    """Give a run's models the alias `best` in the registry; `names` maps a model's name to its name there.

    A line for each that was not the best before.
    """
    lines = []
    with store.using():
        for found in logged(store, run.info.experiment_id, run.info.run_id):
            if found.name not in names or found.status != LoggedModelStatus.READY:
                continue
            name = names[found.name]
            version_of_it = _version(store, name, found)
            if _best(store, name) != version_of_it:
                store.client.set_registered_model_alias(name, BEST, version_of_it)
                lines.append(f"models:/{name}@{BEST} is version {version_of_it}, from run {run.info.run_name}")
    return lines


def _version(store: Store, name: str, model: Any) -> str:
    """The version of a registered model that is this logged model, made if there is none."""
    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for found in store.client.search_model_versions(f"name = '{name}'"):
        if found.tags.get(MODEL) == model.model_id:
            return str(found.version)
    made = store.client.create_model_version(
        name,
        f"models:/{model.model_id}",
        run_id=model.source_run_id,
        model_id=model.model_id,
        tags={MODEL: model.model_id},
    )
    return str(made.version)


def _best(store: Store, name: str) -> str | None:
    try:
        return str(store.client.get_model_version_by_alias(name, BEST).version)
    except MlflowException:  # no such alias yet
        return None
