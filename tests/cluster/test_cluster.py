"""Stages on Dask workers: the same bytes as anywhere, whatever is killed. The stages are stand-ins."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import stages_in_lock
from tests.clones import SECOND, put_standins
from tests.cluster.dask import Dask
from tests.conftest import commit, in_time, make_clone, run
from tests.runner.test_kills import BY_HAND, ended_stages

pytestmark = pytest.mark.slow

KILLS = {"coordinator": 5, "worker": 5, "scheduler": 3} if BY_HAND in os.environ else {}
LONGEST = 20.0  # seconds until a kill
WRITTEN = ("dvc.lock", "results.md", "data/prepared", "data/latents", "data/decoded", "data/embeddings", "models",
           "metrics", "plots", "plan", "report")  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory, database: bytes) -> Iterator[Path]:
    """A clone with two variants and a remote."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple"])
        put_standins()
        Path("params.yaml").write_text(Path("params.yaml").read_text() + SECOND)
        run("dvc", "remote", "add", "--default", "far", str(root.parent / f"{root.name}-remote"))
        commit("study")
        (root / "mlflow.db").write_bytes(database)
        patch.setenv("LATENTLAB_CHECKPOINT_SECONDS", "0")
        patch.setenv("PYTHONFAULTHANDLER", "1")  # for `Dask.said_by`
        yield root


@pytest.fixture(scope="module")
def dask(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    found = Dask(tmp_path_factory.mktemp("dask"))
    yield found
    found.end()


def hashes(root: Path) -> dict[str, str]:
    return {name: md5(root / name) for name in WRITTEN}


def forget(root: Path) -> None:
    """All that stages have made, and that DVC knows of it."""
    for name in (
        *WRITTEN,
        "data/classifier",
        "data/uses",
        "data/runs.tracked",
        ".dvc/cache",
        ".dvc/tmp",
        "checkpoints",
    ):
        if (root / name).is_dir():
            shutil.rmtree(root / name)
        else:
            (root / name).unlink(missing_ok=True)
    shutil.rmtree(root.parent / f"{root.name}-remote", ignore_errors=True)


@pytest.fixture(scope="module")
def whole(clone: Path) -> dict[str, str]:
    """The files of `dvc repro`."""
    run("dvc", "repro")
    return hashes(clone)


def command(dask: Dask, *more: str) -> list[str]:
    return ["latentlab", "reproduce", "--scheduler", dask.address, *more]


@pytest.mark.parametrize("way", ["shared", "remote"])
def test_workers_make_the_bytes_of_dvc_repro(clone: Path, whole: dict[str, str], dask: Dask, way: str) -> None:
    forget(clone)
    said = run(*command(dask, *(["--by-remote"] if way == "remote" else [])))
    assert said.startswith("2 workers with 2 cores of")
    assert ended_stages(said) == set(stages_in_lock()) - {"plan"}
    assert hashes(clone) == whole
    assert "everything is up to date" in run("latentlab", "reproduce")
    assert dask.stages() == []
    assert [path for path in dask.folder.rglob("latentlab-*") if path.is_dir()] == []


def test_a_worker_that_ends_leaves_its_training_to_another(clone: Path, dask: Dask) -> None:
    forget(clone)
    text = Path("params.yaml").read_text()
    try:
        Path("params.yaml").write_text(
            text.replace("one: {model: standin, epochs: 2,", "one: {model: standin, epochs: 150,")
        )
        environment = os.environ | {"LATENTLAB_TESTS_EPOCHS": "1"}
        with subprocess.Popen(
            command(dask, "train@one"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        ) as runner:
            log = clone / "logs/train@one.log"
            assert in_time(lambda: log.exists() and "epoch 20" in log.read_text(), 300)
            training = int((clone / "checkpoints/one.lock").read_text())
            victim = next(worker for worker in dask.workers if training in below(worker.pid))
            children = psutil.Process(victim.pid).children(recursive=True)
            victim.kill()
            victim.wait()
            _, left = psutil.wait_procs(children, timeout=60)
            assert not left
            dask.workers.remove(victim)
            printed = dask.said_by(runner)
        assert runner.returncode == 0, printed
        epochs = [int(each) for each in re.findall(r"^train@one: epoch (\d+)$", printed, re.MULTILINE)]
        assert epochs[-1] == 150
        assert len(epochs) < 150 + 10  # those that the checkpoint had are not trained again
    finally:
        Path("params.yaml").write_text(text)
        dask.add()
        dask.wait(2)


def below(process: int) -> set[int]:
    return {each.pid for each in psutil.Process(process).children(recursive=True)}


@pytest.mark.parametrize("victim", ["coordinator", "worker", "scheduler"])
def test_whatever_is_killed_the_next_call_goes_on(
    clone: Path, whole: dict[str, str], tmp_path: Path, victim: str
) -> None:
    dask = Dask(tmp_path / "dask")
    rng = random.Random(victim)
    forget(clone)
    try:
        for _ in range(KILLS.get(victim, 1)):
            if set(stages_in_lock()) >= {"track"}:
                forget(clone)
            before = set(stages_in_lock())
            way = rng.choice([[], ["--by-remote"]])
            runner = subprocess.Popen(
                command(dask, *way), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )
            moment = time.monotonic() + rng.uniform(2, LONGEST)
            while time.monotonic() < moment and runner.poll() is None:
                time.sleep(0.01)
            kill(victim, runner, dask, rng)
            printed = dask.said_by(runner)
            assert "Traceback" not in printed
            assert not before & ended_stages(printed)  # what had ended is not repeated
            assert in_time(lambda: dask.stages() == [], 60), [each.cmdline() for each in dask.stages()]
        run(*command(dask))
        assert hashes(clone) == whole
        assert "everything is up to date" in run(*command(dask))
    finally:
        dask.end()


def kill(victim: str, runner: subprocess.Popen[str], dask: Dask, rng: random.Random) -> None:
    """Kill it; in place of a worker or a scheduler comes a new one."""
    if victim == "coordinator":
        runner.kill()
    elif victim == "worker":
        worker = rng.choice(dask.workers)
        worker.kill()
        worker.wait()
        dask.workers.remove(worker)
        dask.add()
    else:
        dask.scheduler.send_signal(signal.SIGKILL)
        dask.scheduler.wait()
        runner.wait(timeout=400)
        for worker in dask.workers:  # which end with their scheduler
            worker.wait(200)
        dask.workers.clear()
        dask.begin()
        dask.add()
        dask.add()
        dask.wait(2)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ["--scheduler", "tcp://127.0.0.1:9"],
            "error: --scheduler: found 'tcp://127.0.0.1:9', allowed: the address of",
        ),
        (["--scheduler", "nowhere:x:y"], "error: --scheduler: found 'nowhere:x:y', allowed: the address of"),
        (["--by-remote"], "error: --by-remote: found no --scheduler, whose workers it is for"),
    ],
)
def test_what_is_wrong_with_a_scheduler_is_one_line(arguments: list[str], fault: str) -> None:
    done = subprocess.run(["latentlab", "reproduce", *arguments], capture_output=True, text=True)
    assert done.returncode
    assert done.stderr.startswith(fault)
    assert done.stderr.count("\n") == 1


def test_without_a_remote_workers_with_folders_of_their_own_are_refused(dask: Dask) -> None:
    config = Path(".dvc/config")
    text = config.read_text()
    try:
        config.write_text(text.replace("remote = far", ""))
        done = subprocess.run(command(dask, "--by-remote"), capture_output=True, text=True)
    finally:
        config.write_text(text)
    assert done.returncode
    assert done.stderr == (
        "error: DVC: found no default remote, allowed: one that all machines reach; `dvc remote add -d` adds it\n"
    )


def test_a_stage_that_fails_says_so_and_leaves_what_it_had(clone: Path, dask: Dask) -> None:
    """The learning rate is one that the stand-in refuses."""
    run(*command(dask, "train@two"))
    before = md5(clone / "models/two")
    text = Path("params.yaml").read_text()
    try:
        Path("params.yaml").write_text(text.replace("two: {", "two: {learning_rate: 2.0, "))
        done = subprocess.run(command(dask, "--by-remote", "extract@two"), capture_output=True, text=True)
    finally:
        Path("params.yaml").write_text(text)
    assert done.returncode == 255
    assert "train@two: error: variant two: loss is not finite in epoch 1\n" in done.stderr
    assert "error: train@two failed; left out for that: extract@two;" in done.stderr
    assert md5(clone / "models/two") == before
