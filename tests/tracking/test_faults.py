"""A store that is down, slow, broken, locked, full or forbidden: training ends well, and the mirror is mended later."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from latentlab.config import params, paths
from latentlab.stages import classifier, evaluate, extract, plan, plot, track, train, tsne
from latentlab.storage.csv import read_csv
from latentlab.tracking import comparison, sender
from latentlab.tracking.glance import KEY
from latentlab.tracking.place import Place, StoreError
from latentlab.tracking.run import Run
from latentlab.tracking.sender import TRAINED
from latentlab.tracking.store import Store
from latentlab.tracking.workspace import track_workspace
from tests.conftest import commit, make_clone, prepare_study
from tests.locks import write_lock
from tests.tracking.servers import MlflowServer, faulty, mlflow_server, postgres, postgres_programs

pytestmark = pytest.mark.slow

EPOCHS = [1, 2]


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone with one result, made without DVC and recorded."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["vae"])
        patch.setenv("LATENTLAB_LIVE", "1")
        patch.setattr(sender, "PATIENCE", 20.0)
        # the first training is the one without a fault
        prepare_study()
        classifier.main()
        for stage in (train, extract, tsne, evaluate, plot):
            stage.main("vae")
        write_lock(["vae"])
        commit("results")
        yield root


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Point this process and those that it starts to a store."""

    def point(uri: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

    return point


@pytest.fixture
def study(clone: Path) -> Iterator[str]:
    """A study name of its own for each test, and so a run of its own in a server that several share."""
    before = {path: path.read_text() for path in (clone / "params.yaml", clone / "dvc.lock")}
    name = f"tiny_{time.time_ns()}"
    Path("params.yaml").write_text(before[clone / "params.yaml"].replace("study: tiny", f"study: {name}"))
    plan.main()
    write_lock(["vae"])
    yield name
    for path, text in before.items():
        path.write_text(text)
    plan.main()


def trained(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Train, which has to end well, and return the lines of warning."""
    before = paths.encoder("vae").read_bytes()
    paths.history("vae").unlink()
    assert train.main("vae").startswith("train vae: 2 epochs")
    assert paths.encoder("vae").read_bytes() == before
    return [line for line in capfd.readouterr().err.splitlines() if "WARNING" not in line and line.strip()]


def latentlab(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(["latentlab", *arguments], capture_output=True, text=True, **options)


def runs_of(client: MlflowClient, study: str) -> list[Any]:
    experiment = client.get_experiment_by_name(study)
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    return [each for each in found if KEY in each.data.tags]  # the study's own one aside


def is_complete(uri: str, study: str) -> None:
    """The store at `uri` has one run with all that belongs to it, each point once."""
    client = MlflowClient(uri)
    (run,) = runs_of(client, study)
    assert run.info.status == "FINISHED"
    history = read_csv(paths.history("vae"))
    for name in set(history) - {"epoch"}:
        points = client.get_metric_history(run.info.run_id, name)
        assert [point.step for point in sorted(points, key=lambda point: point.step)] == EPOCHS, name
        assert sorted(point.value for point in points) == sorted(history[name])
    assert {tag.removeprefix("md5.") for tag in run.data.tags if tag.startswith("md5.")} == {
        "history", "metrics", "encoder", "decoder", "features", "embedding", "plots"
    }  # fmt: skip
    listed = {file.path for file in client.list_artifacts(run.info.run_id, "plots")}
    assert listed == {f"plots/{path.name}" for path in paths.plots("vae").glob("*.png")}
    models = client.search_logged_models([run.info.experiment_id])
    assert sorted((model.name, str(model.status)) for model in models) == [
        ("vae-decoder", "READY"),
        ("vae-encoder", "READY"),
    ]


def tracked() -> str:
    """`latentlab track` in this process."""
    p = params.load()
    return track_workspace(p.study, p.variants)


def mended(uri: str, study: str, anew: bool = False) -> None:
    """`latentlab track` makes the mirror complete, and then has nothing to do.

    MLflow keeps connections to places of files for as long as a process lives; after a change of the address the
    command has to run `anew`.
    """
    if anew:
        done = latentlab("track")
        assert done.returncode == 0, done.stderr
    else:
        tracked()
    is_complete(uri, study)
    assert tracked().startswith("nothing to do")


def test_without_a_fault_there_is_no_warning(
    server: MlflowServer, use: Callable[[str], None], study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    use(server.uri)
    assert trained(capfd) == []
    client = MlflowClient(server.uri)
    (run,) = runs_of(client, study)
    assert run.info.status == TRAINED
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == EPOCHS
    mended(server.uri, study)
    assert run.data.tags["platform.of"] == "training"


def test_unreachable_at_start(
    server: MlflowServer, use: Callable[[str], None], study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    use(server.uri)
    server.kill()
    try:
        (warning,) = trained(capfd)
        assert warning.startswith(f"warning: no live losses: MLFLOW_TRACKING_URI: {server.uri} cannot be used: ")
        assert track.main() == "track: not done"
        (warning,) = capfd.readouterr().err.splitlines()
        assert warning.startswith("warning: ")
        assert warning.endswith("`latentlab track` completes the runs")
        failed = latentlab("track")
        assert failed.returncode == 1
        assert len(failed.stderr.splitlines()) == 1
        assert failed.stderr.startswith(f"error: MLFLOW_TRACKING_URI: {server.uri} cannot be used")
    finally:
        server.start()
    mended(server.uri, study)


def test_killed_in_the_middle(
    server: MlflowServer,
    use: Callable[[str], None],
    study: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(server.uri)
    client = MlflowClient(server.uri)
    send = sender.Live.epoch

    def kill_after_the_first(self: sender.Live, row: Any) -> None:
        if row["epoch"] == 2:
            wait_for(lambda: points(client, study) == [1])
            server.kill()
        send(self, row)

    monkeypatch.setattr(sender.Live, "epoch", kill_after_the_first)
    try:
        (warning,) = trained(capfd)
        assert warning.startswith("warning: no live losses: ")
    finally:
        server.start()
    mended(server.uri, study)


def points(client: MlflowClient, study: str) -> list[int]:
    runs = runs_of(client, study)
    return [point.step for run in runs for point in client.get_metric_history(run.info.run_id, "loss")]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_each_call_takes_five_seconds(
    server: MlflowServer,
    use: Callable[[str], None],
    study: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "PATIENCE", 8.0)
    with faulty(server.uri, delay=5.0) as slow:
        use(slow)
        start = time.monotonic()
        (warning,) = trained(capfd)
        assert warning == "warning: MLflow took no losses for 8 s; `latentlab track` completes the run"
        assert time.monotonic() - start < 60
    use(server.uri)
    mended(server.uri, study, anew=True)


def test_answering_500(
    server: MlflowServer, use: Callable[[str], None], study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with faulty(server.uri, status=500) as broken:
        use(broken)
        (warning,) = trained(capfd)
        assert warning.startswith(f"warning: no live losses: MLFLOW_TRACKING_URI: {broken} cannot be used: ")
        with pytest.raises(StoreError):
            tracked()
    use(server.uri)
    mended(server.uri, study, anew=True)


@pytest.fixture
def own_database(tmp_path: Path, database: bytes, use: Callable[[str], None]) -> Path:
    """An SQLite store outside the clone."""
    path = tmp_path / "own.db"
    path.write_bytes(database)
    use(f"sqlite:///{path}")
    return path


def test_a_database_that_another_process_has_locked(
    own_database: Path, study: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "PATIENCE", 8.0)
    with closing(sqlite3.connect(own_database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        (warning,) = trained(capfd)
        assert warning.startswith("warning: ")
        other.rollback()
    mended(f"sqlite:///{own_database}", study)


def test_a_run_that_is_mended_is_unfinished_until_it_is_whole(
    own_database: Path, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked()
    uri = f"sqlite:///{own_database}"
    client = MlflowClient(uri)
    (before,) = runs_of(client, study)
    Run(Store(Place(uri)), before).drop_tag("md5.plots")
    with monkeypatch.context() as patch:
        patch.setattr(client.__class__, "log_artifact", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        with pytest.raises(StoreError, match="no room"):
            tracked()
    (half,) = runs_of(client, study)
    assert half.info.status != "FINISHED"
    mended(uri, study)
    (whole,) = runs_of(client, study)
    assert whole.info.end_time == before.info.end_time


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, resource.RLIM_INFINITY))  # more than the database has


def test_no_room_for_artifacts(clone: Path, study: str, monkeypatch: pytest.MonkeyPatch, database: bytes) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (clone / "mlflow.db").write_bytes(database)
    shutil.rmtree(clone / "mlartifacts", ignore_errors=True)
    assert len(database) < 1_200_000 < paths.encoder("vae").stat().st_size
    failed = latentlab("track", preexec_fn=limited)
    assert failed.returncode == 1
    assert failed.stderr.startswith(
        f"error: MLFLOW_TRACKING_URI: sqlite:///{clone}/mlflow.db cannot be used: [Errno 27]"
    )
    mended(f"sqlite:///{clone}/mlflow.db", study)


@pytest.fixture
def unprivileged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python processes that are started from here may not write where modes forbid it, even those of root."""
    if os.getuid() == 0:
        script = tmp_path / "python"
        script.write_text(f'#!/bin/sh\nexec setpriv --bounding-set=-dac_override {sys.executable} "$@"\n')
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))


@pytest.mark.usefixtures("unprivileged")
def test_no_permission_to_write(
    clone: Path, study: str, monkeypatch: pytest.MonkeyPatch, database: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (clone / "mlflow.db").write_bytes(database)
    (clone / "mlflow.db").chmod(0o444)
    (warning,) = trained(capfd)
    assert warning.startswith("warning: no live losses: ")
    assert "readonly database" in warning
    done = subprocess.run([sys.executable, "-m", "latentlab.stages.track"], capture_output=True, text=True)
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("warning: ")
    assert "readonly database" in warning
    (clone / "mlflow.db").chmod(0o644)
    mended(f"sqlite:///{clone}/mlflow.db", study)


@pytest.mark.skipif(postgres_programs() is None, reason="PostgreSQL is not installed")
def test_a_server_with_postgresql(
    tmp_path: Path, use: Callable[[str], None], study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    programs = postgres_programs()
    assert programs
    with postgres(programs) as database, mlflow_server(tmp_path, database) as server:
        use(server.uri)
        assert trained(capfd) == []
        mended(server.uri, study, anew=True)
        assert (tmp_path / "artifacts").is_dir()
        use(database)
        assert tracked().startswith("nothing to do")
        (row,) = comparison.grouped(comparison.find([study], []))
        assert row.name == "vae"
