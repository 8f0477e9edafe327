"""MLflow agrees with the results whatever happened: killed, from the run cache, pulled, in an experiment of DVC's."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import requests
from mlflow.tracking import MlflowClient

from latentlab.config import paths
from latentlab.config.stages import EACH_VARIANT
from latentlab.pipeline import inputs
from latentlab.pipeline.hashes import md5
from latentlab.storage.csv import read_csv
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.storage.yaml import read_yaml
from latentlab.tracking.glance import KEY
from latentlab.tracking.place import Place
from tests.conftest import commit, git, make_clone, replace, run
from tests.tracking.servers import START, free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory, database: bytes) -> Iterator[Path]:
    """A clone with one variant, run with live losses and committed, and a remote of DVC's."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["vae"])
        patch.setenv("LATENTLAB_LIVE", "1")
        run("dvc", "remote", "add", "--default", "local", str(root.parent / "remote"))
        commit("remote")
        (root / "mlflow.db").write_bytes(database)
        run("latentlab", "reproduce")
        commit("results")
        yield root


@pytest.fixture
def edit(clone: Path) -> Iterator[None]:
    """Whatever a test does to params.yaml and to results is taken back; the store stays."""
    yield
    git("checkout", "-q", "--", ".")
    run("dvc", "checkout", "--quiet", "--force")


class Seen:
    """A copy of a project's store: MLflow keeps files open, and these tests delete them."""

    def __init__(self, root: Path) -> None:
        copy = root.parent / f"seen-{time.time_ns()}.db"
        shutil.copy(root / "mlflow.db", copy)
        self.client = MlflowClient(f"sqlite:///{copy}")
        experiment = self.client.get_experiment_by_name("tiny")
        found = self.client.search_runs([experiment.experiment_id]) if experiment else []
        self.runs = [each for each in found if KEY in each.data.tags]  # the study's own one aside

    def only(self, **params: str) -> Any:
        """The one run with these parameters."""
        (found,) = (each for each in self.runs if params.items() <= each.data.params.items())
        return found

    def points(self, found: Any, name: str = "loss") -> list[tuple[int, float]]:
        """Steps and values of a metric, in the order of their arrival."""
        return [(point.step, point.value) for point in self.client.get_metric_history(found.info.run_id, name)]

    def models(self, found: Any) -> dict[str, Any]:
        """Logged models of a run by name."""
        condition = f"source_run_id = '{found.info.run_id}'"
        models = self.client.search_logged_models([found.info.experiment_id], condition)
        return {model.name: model for model in models}

    def is_complete(self, found: Any, epochs: int = 2) -> None:
        """Assert that a run has all that belongs to it, each point once."""
        assert found.info.status == "FINISHED"
        for name in ("loss", "validation_loss", "reconstruction_loss", "validation_kl_loss", "validation_bce"):
            assert [step for step, _ in self.points(found, name)] == list(range(1, epochs + 1)), name
        metrics = {"test/bce", "test/ssim", "latent/knn_accuracy", "tsne/trustworthiness", "vae/elbo"}
        assert metrics <= set(found.data.metrics)
        assert len([name for name in found.data.tags if name.startswith("md5.")]) == 7
        folders = {file.path for file in self.client.list_artifacts(found.info.run_id)}
        assert folders == {"features", "images", "metrics", "models", "plots"}
        assert {"vae-encoder", "vae-decoder"} == set(self.models(found))


def stored(root: Path) -> bytes:
    return (root / "mlflow.db").read_bytes()


def test_a_run_of_the_pipeline_is_one_complete_run(clone: Path) -> None:
    seen = Seen(clone)
    found = seen.only()
    seen.is_complete(found)
    key = inputs.recorded(read_yaml(paths.LOCK), "vae", Path.read_text).inputs.key
    assert found.data.tags[KEY] == key == inputs.planned("vae").key
    assert found.data.tags["platform.of"] == "training"  # the live losses opened it
    before = stored(clone)
    assert run("latentlab", "track").startswith("nothing to do")
    assert stored(clone) == before
    assert run("latentlab", "track").startswith("nothing to do")


def test_a_run_tells_where_it_comes_from(clone: Path) -> None:
    found = Seen(clone).only()
    tags, params = found.data.tags, found.data.params
    assert len(tags["git.commit"]) == 40
    assert tags["command"] == f"git checkout {tags['git.commit']} && dvc repro plot@vae evaluate@vae"
    assert tags["md5.encoder"] == md5(paths.encoder("vae"))
    assert {f"dvc.{stage}" for stage in ("prepare", *EACH_VARIANT)} <= set(tags)
    assert {"platform.cpu", "platform.instructions", "version.tensorflow", "latentlab.code", "latentlab.study"} <= set(
        tags
    )
    assert (params["threads"], params["precision"], params["prepare/dataset"]) == ("1", "float32", "mnist_5k")
    (dataset,) = found.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("mnist_5k", tags["dataset.sha256"][:36])
    assert "| vae | 807,700 |" in tags["mlflow.note.content"]
    assert f"    {tags['command']}" in tags["mlflow.note.content"]


def test_the_models_give_codes_from_images_and_images_from_codes(clone: Path) -> None:
    seen = Seen(clone)
    models = seen.models(seen.only())
    mlflow.set_tracking_uri(Place.of(clone).uri)
    try:
        encoder = mlflow.pyfunc.load_model(f"models:/{models['vae-encoder'].model_id}")
        decoder = mlflow.pyfunc.load_model(f"models:/{models['vae-decoder'].model_id}")
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    images = (read_npz(paths.prepared("test"))["images"] / 255).astype(np.float32)
    latents = read_pickle(paths.latents("vae"))
    codes = encoder.predict(images)
    assert codes == pytest.approx(latents["features"][latents["split"] == "test"], abs=1e-5)
    decoded = read_npz(paths.decoded("vae"))["reconstructions"]
    assert decoder.predict(codes) == pytest.approx(decoded, abs=1e-5)
    assert encoder.input_example.shape == (3, 28, 28, 1)
    assert encoder.metadata.signature.outputs.inputs[0].shape == (-1, 2)
    assert decoder.metadata.signature.outputs.inputs[0].shape == (-1, 28, 28, 1)


def test_mlflow_serves_the_encoder(clone: Path) -> None:
    seen = Seen(clone)
    model = seen.models(seen.only())["vae-encoder"]
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", "--port", str(port)]
    command += ["--model-uri", model.artifact_location, "--workers", "1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + START
        while True:
            try:
                requests.get(f"http://127.0.0.1:{port}/ping", timeout=5)
                break
            except requests.RequestException:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        image = np.zeros((1, 28, 28, 1)).tolist()
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json={"inputs": image}, timeout=60)
        assert np.shape(answer.json()["predictions"]) == (1, 2)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def held(root: Path) -> set[tuple[str, bool]]:
    """Status of each run, and whether it has a loss; while others write."""
    with closing(sqlite3.connect(root / "mlflow.db")) as connection:
        query = "SELECT status, EXISTS (SELECT 1 FROM metrics WHERE metrics.run_uuid = runs.run_uuid) FROM runs"
        return {(status, bool(points)) for status, points in connection.execute(query)}


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def empty_the_store(root: Path, database: bytes) -> None:
    shutil.rmtree(root / "mlartifacts", ignore_errors=True)
    (root / "mlflow.db").unlink(missing_ok=True)
    (root / "mlflow.db").write_bytes(database)


@pytest.mark.usefixtures("edit")
def test_a_parameter_there_killed_and_resumed_and_back_again_is_two_results(clone: Path, database: bytes) -> None:
    replace("units: [512], latent_dim: 2, epochs: 2", "units: [32], latent_dim: 2, epochs: 150")
    run("dvc", "repro", "--quiet", "prepare")
    variables = os.environ | {"LATENTLAB_CHECKPOINT_SECONDS": "0"}
    training = subprocess.Popen(
        [sys.executable, "-m", "latentlab.stages.train", "vae"], env=variables, stderr=subprocess.PIPE
    )
    wait_for(lambda: ("RUNNING", True) in held(clone) and paths.checkpoint("vae").exists())
    training.kill()
    training.communicate()
    wait_for(lambda: ("KILLED", True) in held(clone))
    seen = Seen(clone)
    killed = seen.only(epochs="150")
    assert 0 < len(seen.points(killed)) < 150
    run("latentlab", "reproduce")
    seen = Seen(clone)
    assert len(seen.runs) == 2
    finished = seen.only(epochs="150")
    assert finished.info.run_id == killed.info.run_id
    seen.is_complete(finished, epochs=150)
    assert [value for _, value in seen.points(finished)] == read_csv(paths.history("vae"))["loss"].tolist()
    empty_the_store(clone, database)
    replace("units: [32], latent_dim: 2, epochs: 150", "units: [512], latent_dim: 2, epochs: 2")
    assert "train@vae: outputs were in the run cache" in run("latentlab", "reproduce")
    seen = Seen(clone)
    seen.is_complete(seen.only())  # though none of its stages has run but `track`
    replace("units: [512], latent_dim: 2, epochs: 2", "units: [32], latent_dim: 2, epochs: 150")
    run("latentlab", "reproduce")
    seen = Seen(clone)
    assert len(seen.runs) == 2
    seen.is_complete(seen.only(epochs="150"), epochs=150)


def test_pulled_results_are_mirrored_in_a_new_clone(
    clone: Path, monkeypatch: pytest.MonkeyPatch, database: bytes
) -> None:
    run("dvc", "push", "--quiet")
    other = clone.parent / "other"
    git("clone", "-q", str(clone), str(other))
    monkeypatch.chdir(other)
    empty_the_store(other, database)
    done = subprocess.run(["latentlab", "track"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "models/vae/history.csv: no such file; `dvc checkout`, `dvc pull` or `dvc repro` brings it" in done.stderr
    run("dvc", "pull", "--quiet")
    assert " has 1 new runs, " in run("latentlab", "track")
    seen = Seen(other)
    found = seen.only()
    seen.is_complete(found)
    assert found.data.tags["git.dirty"] == "false"
    assert found.data.tags["platform.of"] == "tracking"
    before = stored(other)
    assert run("latentlab", "track").startswith("nothing to do")
    assert stored(other) == before
    paths.decoder("vae").write_bytes(b"something else")
    empty_the_store(other, database)
    done = subprocess.run(["latentlab", "track"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "models/vae/decoder.keras: is not what dvc.lock says; `dvc repro` makes both agree" in done.stderr
    assert Seen(other).runs == []


@pytest.mark.usefixtures("edit")
def test_an_experiment_in_a_copy_lands_in_the_projects_store_and_all_revisions_follow(
    clone: Path, database: bytes
) -> None:
    command = ["dvc", "exp", "run", "--quiet", "--temp", "--name", "wider", "--set-param", "variants.vae.latent_dim=3"]
    experiment = subprocess.Popen(command)
    wait_for(lambda: any((clone / ".dvc/tmp/exps").rglob("plan/train@vae.json")))
    # what is edited here meanwhile is nothing to the copy, nor is where this environment's package lies
    replace("latent_dim: 2, epochs: 2", "latent_dim: 2, epochs: 3")
    with (clone / "src/latentlab/networks/codes.py").open("a") as file:
        file.write("raise ValueError\n")
    assert experiment.wait() == 0
    git("checkout", "-q", "--", ".")
    seen = Seen(clone)
    new = seen.only(latent_dim="3")
    seen.is_complete(new)
    assert "wider" in run("dvc", "exp", "show", "--csv", "--no-pager")
    assert new.info.artifact_uri.startswith((clone / "mlartifacts").as_uri())
    empty_the_store(clone, database)
    assert " has 2 new runs, " in run("latentlab", "track", "--all")  # from the cache alone
    seen = Seen(clone)
    assert len(seen.runs) == 2
    for each in seen.runs:
        seen.is_complete(each)
        assert each.data.tags["git.dirty"] == "false"
        assert each.data.tags["version.tensorflow"][0].isdigit()
    assert seen.only(latent_dim="3").data.tags["dvc.experiment"] == "wider"
    state = stored(clone)
    assert run("latentlab", "track", "--all").startswith("nothing to do")
    assert stored(clone) == state


def test_results_that_are_there_already_are_mirrored_in_a_new_clone(clone: Path, database: bytes) -> None:
    empty_the_store(clone, database)
    paths.TRACKED.unlink()  # as after `git clone` and `dvc pull`, or where every stage gives the committed bytes
    assert "1 stages ran" in run("latentlab", "reproduce")
    seen = Seen(clone)
    seen.is_complete(seen.only())
    assert run("git", "status", "--porcelain") == ""


@pytest.mark.usefixtures("edit")
def test_a_change_of_code_that_changes_no_result_is_a_whole_run_of_its_own(clone: Path) -> None:
    (before,) = Seen(clone).runs
    encoder = md5(paths.encoder("vae"))
    losses = clone / "src/latentlab/training/losses.py"
    losses.write_text(losses.read_text().replace("EPSILON = 1e-7", "EPSILON = 1 / 10**7"))
    done = run("dvc", "repro")
    assert "Running stage 'train@vae'" in done
    assert "Stage 'extract@vae' didn't change, skipping" in done
    assert md5(paths.encoder("vae")) == encoder
    seen = Seen(clone)
    (new,) = (each for each in seen.runs if each.data.tags[KEY] == inputs.planned("vae").key)
    assert (len(seen.runs), new.data.tags[KEY] != before.data.tags[KEY]) == (2, True)
    seen.is_complete(new)
    # a training of the same key once more: nothing that `track` depends on changes
    assert "train@vae" in run("dvc", "repro", "--force", "--single-item", "train@vae")
    assert "Stage 'track' didn't change, skipping" in run("dvc", "repro")
    seen = Seen(clone)
    assert len(seen.runs) == 2
    for each in seen.runs:
        seen.is_complete(each)


def test_tensorboard_on_request(clone: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "latentlab.stages.train", "vae", LATENTLAB_TENSORBOARD=str(tmp_path), LATENTLAB_LIVE="0")
    import tensorflow as tf

    (file,) = (tmp_path / "vae").iterdir()
    values: dict[str, list[tuple[int, float]]] = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            values.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    history = read_csv(paths.history("vae"))
    assert set(values) == set(history) - {"epoch"}
    assert [value for _, value in values["loss"]] == pytest.approx(history["loss"].tolist(), rel=1e-6)
    assert [step for step, _ in values["loss"]] == [1, 2]
    assert git("status", "--porcelain") == ""
    assert json.loads(run("dvc", "status", "--json")) == {"plan": ["always changed"]}
