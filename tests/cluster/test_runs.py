"""A run on workers in this process, in a small pipeline of shell commands: files, words, failures, native stages."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dask import config
from distributed import LocalCluster
from ruamel.yaml import YAML

from latentlab.cluster import cluster as module
from latentlab.cluster import workers
from latentlab.cluster.cluster import Cluster
from latentlab.errors import UserError
from latentlab.pipeline.lock import stages_in_lock
from latentlab.runner.reproduce import StagesFailedError, reproduce
from latentlab.storage.json import write_json
from tests.cluster.dask import NEVER_PAUSED
from tests.conftest import run

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

STAGES: dict[str, dict[str, object]] = {
    "prepare": {"cmd": "pwd > prepare.where && echo 1 > data", "deps": ["input"], "outs": ["data"]},
    "train": {
        "cmd": "pwd && cat data plan/train.json && mkdir model && cp data model/a && echo 2 > model/b",
        "deps": ["data", "plan/train.json"],
        "outs": ["model"],
    },
    "evaluate": {"cmd": "cat model/* > number", "deps": ["model"], "metrics": [{"number": {"cache": False}}]},
    "report": {"cmd": "test -f wanted && cat number > page", "deps": ["number"], "outs": ["page"]},
}


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
    options |= {"protocol": "tcp", "local_directory": str(tmp_path_factory.mktemp("workers"))}
    with config.set(NEVER_PAUSED), LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pipeline, whose last stage fails unless there is a file `wanted`; all commands but `prepare` travel."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "OURS", "")
    run("dvc", "init", "--no-scm", "--quiet")
    run("dvc", "remote", "add", "--quiet", "--default", "far", str(tmp_path / "far"))
    Path("input").write_text("1")
    write_json(Path("plan/train.json"), {"parameters": {"numerics": "portable"}, "code": {}, "libraries": {}})
    YAML(typ="safe", pure=True).dump({"stages": STAGES}, Path("dvc.yaml"))
    return tmp_path


def on(dask: LocalCluster, by_remote: bool = False, target: str = "dvc.yaml") -> int:
    return reproduce([target], hosts=partial(Cluster, dask.scheduler_address, by_remote, None, False))


@pytest.mark.parametrize("by_remote", [False, True])
def test_stages_run_where_their_files_are_and_are_recorded_here(
    pipeline: Path, dask: LocalCluster, by_remote: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wanted").touch()
    assert on(dask, by_remote, "evaluate") == 3
    assert Path("number").read_text() == "1\n2\n"
    assert Path("prepare.where").read_text() == f"{pipeline}\n"  # it reads the user's files
    said = capsys.readouterr().out.splitlines()
    way = f"files go through {pipeline}/far" if by_remote else "which see this folder"
    assert said[0] == f"2 workers with 2 cores of {dask.scheduler_address}, {way}"
    where = next(line for line in said if line.startswith("train: /"))
    assert (where == f"train: {pipeline}") is not by_remote
    assert "Data and pipelines are up to date" in run("dvc", "repro", "evaluate")
    assert reproduce(["evaluate"]) == 0


@pytest.mark.parametrize("by_remote", [False, True])
def test_a_failure_is_told_and_the_next_call_goes_on(dask: LocalCluster, by_remote: bool) -> None:
    with pytest.raises(StagesFailedError, match=r"^report failed; results of other stages are kept$"):
        on(dask, by_remote)
    assert set(stages_in_lock()) == {"prepare", "train", "evaluate"}
    stages = {**STAGES, "report": {**STAGES["report"], "cmd": "cat number > page"}}
    YAML(typ="safe", pure=True).dump({"stages": stages}, Path("dvc.yaml"))
    assert on(dask, by_remote) == 1
    assert Path("page").read_text() == "1\n2\n"


def test_what_a_stage_does_not_make_is_said(dask: LocalCluster, capsys: pytest.CaptureFixture[str]) -> None:
    stages = {**STAGES, "train": {**STAGES["train"], "cmd": "true"}}
    YAML(typ="safe", pure=True).dump({"stages": stages}, Path("dvc.yaml"))
    with pytest.raises(StagesFailedError, match=r"^train failed; left out for that: evaluate; "):
        on(dask, by_remote=True, target="evaluate")
    assert "train: error: model: was not made by the stage" in capsys.readouterr().err


def test_native_stages_say_which_machines_they_go_to(
    dask: LocalCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def kind(dask_worker: Any) -> str:
        return "native 0123"

    monkeypatch.setattr(workers, "_class", kind)
    write_json(Path("plan/train.json"), {"parameters": {"numerics": "native"}, "code": {}, "libraries": {}})
    assert on(dask, target="train") == 2
    assert (
        "numerics native: 2 of 2 workers with 2 cores are of class native 0123, others wait" in capsys.readouterr().out
    )


def test_without_a_remote_there_has_to_be_a_shared_folder(dask: LocalCluster) -> None:
    run("dvc", "remote", "remove", "far")
    with pytest.raises(UserError, match=r"^DVC: found no default remote, allowed: one that all machines reach"):
        on(dask, by_remote=True)
    assert on(dask, target="train") == 2
