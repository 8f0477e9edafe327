"""Which workers get what, and what is told of a stage that runs there."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dask import config
from distributed import Client, LocalCluster

from latentlab.cluster import cluster as module
from latentlab.cluster import worker
from latentlab.cluster.cluster import Cluster, _environment
from latentlab.cluster.job import Job
from latentlab.cluster.lines import Told, name_of
from latentlab.cluster.worker import CORES, MEMORY, Workplace, end_all, work
from latentlab.cluster.workers import Workers
from latentlab.errors import UserError
from latentlab.pipeline import dvc
from latentlab.runner import needs
from latentlab.runner.scheduler import Room
from tests.cluster.dask import NEVER_PAUSED
from tests.conftest import in_time

ROOMS = {"tcp://a": Room(4, 8), "tcp://b": Room(4, 8), "tcp://c": Room(6, 8)}


class Classes:
    """Stands in for the client: the class of each worker that is asked for it."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        self.classes = classes
        self.asked: list[list[str]] = []

    def run(self, function: Any, workers: list[str], on_error: str) -> dict[str, str | Exception]:
        """What the machines of these workers are; an error of one that has left."""
        self.asked.append(workers)
        return {address: self.classes.get(address, OSError()) for address in workers}


def of(rooms: Mapping[str, Room], client: Any = None, jobs: int | None = None) -> Workers:
    """Workers without a scheduler."""
    found = Workers(client, jobs)
    found.rooms = rooms
    return found


def test_native_stages_go_to_the_class_of_the_most_cores_for_the_whole_run() -> None:
    client = Classes({"tcp://a": "old", "tcp://b": "old", "tcp://c": "new", "tcp://d": "new"})
    found, notes = of(ROOMS, client), list[str]()
    assert list(found.alike(notes.append)) == ["tcp://a", "tcp://b"]
    assert notes == ["numerics native: 2 of 3 workers with 14 cores are of class old, others wait"]
    found.rooms = ROOMS | {"tcp://d": Room(64, 8)}
    assert list(found.alike(notes.append)) == ["tcp://a", "tcp://b"]  # also when another class has more now
    assert client.asked == [["tcp://a", "tcp://b", "tcp://c"], ["tcp://d"]]
    assert len(notes) == 1
    found.rooms = {"tcp://c": Room(6, 8), "tcp://gone": Room(1, 1)}
    assert found.alike(notes.append) == {}  # stages wait


def test_workers_of_no_known_class_get_no_native_stages() -> None:
    notes = list[str]()
    assert of(ROOMS, Classes({})).alike(notes.append) == {}
    assert notes == []


def test_the_whole_is_that_of_all_workers_as_far_as_jobs_allow() -> None:
    assert of(ROOMS).whole == Room(14, 24)
    assert of(ROOMS, jobs=5).whole.cores == 5
    assert of({}).whole.cores == 1  # stages wait for a worker


def test_lines_are_told_once_whatever_events_are_lost() -> None:
    told: list[tuple[str, bool]] = []
    lines = Told(lambda line, stays: told.append((line, stays)))
    lines.hear(1.0, 1, "one", True)
    lines.hear(1.0, 1, "50 %", False)
    lines.hear(1.0, 3, "three", True)  # the event of the second was lost
    lines.rest(["one", "two", "three"])
    assert told == [("one", True), ("50 %", False), ("two", True), ("three", True)]
    lines.hear(2.0, 1, "one again", True)  # on another worker
    assert told[-1] == ("one again", True)


@pytest.mark.parametrize(
    ("store", "live"), [("", "0"), ("sqlite:///x.db", "0"), ("file:///x", "0"), ("http://server:5000", "1")]
)
def test_losses_go_to_a_server_alone(monkeypatch: pytest.MonkeyPatch, store: str, live: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("LATENTLAB_LIVE", "1")
    monkeypatch.setenv("LATENTLAB_RUNNER", "7")
    passed = _environment()
    assert passed["LATENTLAB_LIVE"] == live
    assert "LATENTLAB_RUNNER" not in passed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_workplace_has_what_it_was_given_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "OFTEN", 0.05)
    options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0", "memory_limit": "100MB"}
    options["local_directory"] = str(tmp_path)
    with (
        config.set(NEVER_PAUSED),
        LocalCluster(n_workers=1, threads_per_worker=3, **options) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Workplace("p", None), name=name_of("p"))
        about = next(iter(client.scheduler_info(n_workers=-1)["workers"].values()))
        assert about["resources"] == {CORES: 3, MEMORY: 10**8}
        mark = tmp_path / "mark"
        mark.write_text("p")
        job = Job("k1", "p", "echo a; echo b >&2; exit 3", tmp_path, {}, terminal=False, mark=mark)
        outcome = client.submit(work, job, key="k1").result()
        assert (outcome.code, outcome.lines) == (3, ["a", "b"])
        long = Job("k2", "p", "echo $$ > pid; sleep 60; true", tmp_path, {}, terminal=False, mark=mark)
        future = client.submit(work, long, key="k2")
        assert in_time(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", 60)
        number = int((tmp_path / "pid").read_text())
        future.cancel()  # as Dask does for a run that was killed
        assert in_time(lambda: not Path(f"/proc/{number}").exists(), 60)
        other = Job("k4", "p", "true", tmp_path, {}, terminal=False, mark=tmp_path / "none")
        with pytest.raises(UserError, match="does not see it, allowed: --by-remote"):
            client.submit(work, other, key="k4").result()
        client.run(end_all, "p")
        assert (
            client.submit(work, Job("k3", "p", "true", tmp_path, {}, terminal=False, mark=mark), key="k3").result().code
            == 143
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_worker_gets_what_has_waited_for_one(tmp_path: Path) -> None:
    """As where the last worker left and another one comes: its cores are known only after it has come."""
    options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0"}
    options["local_directory"] = str(tmp_path)
    mark = tmp_path / "mark"
    mark.write_text("p")
    with config.set(NEVER_PAUSED), LocalCluster(n_workers=0, **options) as cluster, Client(cluster) as client:
        client.register_plugin(Workplace("p", None), name=name_of("p"))
        job = Job("k1", "p", "echo a", tmp_path, {}, terminal=False, mark=mark)
        future = client.submit(work, job, key="k1", resources={CORES: 1, MEMORY: 1})
        assert in_time(lambda: cluster.scheduler.unrunnable, 60)
        cluster.scale(1)
        assert future.result(timeout=60).lines == ["a"]


def test_a_stage_that_takes_more_than_any_worker_takes_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Cluster.__new__(Cluster)
    found._workers = of(ROOMS)
    monkeypatch.setattr(module, "_stays", lambda stage, label: stage == "here")
    monkeypatch.setattr(needs, "room", lambda label, folder: Room(99, 3))
    monkeypatch.setattr(dvc, "folder_of", lambda stage: Path())
    stage: Any = "there"
    assert found.room(stage, stage) == Room(6, 3)
    found._workers = of({"tcp://small": Room(2, 64), "tcp://fast": Room(8, 8)})
    monkeypatch.setattr(needs, "room", lambda label, folder: Room(8, 32))
    assert found.room(stage, stage) == Room(8, 8)  # what one of them has
    monkeypatch.setattr(needs, "room", lambda label, folder: Room(1, 32))
    assert found.room(stage, stage) == Room(1, 32)
    stage = "here"
    assert found.room(stage, stage) == Room(0)


def test_ending_twice_is_as_ending_once() -> None:
    found = Cluster.__new__(Cluster)
    found._ending = threading.Event()
    found._ending.set()
    found.end()
