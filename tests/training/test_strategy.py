"""A training that several processes or devices share."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.storage.csv import read_csv
from latentlab.storage.npz import read_npz, write_npz
from tests.conftest import ROOT, prepare_study

DEVICES = """
import tensorflow as tf
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages import train
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
start_tensorflow(42, 1)
from latentlab.training import strategy
strategy.find_strategy = lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
print(train.main("sparse"))
"""  # noqa: E501


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def worker(index: int, ports: list[int]) -> subprocess.Popen[str]:
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
    command = [sys.executable, "-m", "latentlab.stages.train", "sparse"]
    environment = os.environ | {"TF_CONFIG": config}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def losses(folder: Path) -> Any:
    history = read_csv(folder / paths.history("sparse"))
    return np.stack([history["loss"], history["validation_loss"]])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data to train on, and with the loss curves of one worker."""
    root = tmp_path_factory.mktemp("alone")
    study = YAML(typ="safe", pure=True).load(ROOT / "studies/tiny/params.yaml")
    study["variants"]["sparse"] |= {"epochs": 4, "batch_size": 50}  # 210 images: the last batch is smaller, 5 each
    YAML(typ="safe", pure=True).dump(study, root / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare_study()
    command = [sys.executable, "-m", "latentlab.stages.train", "sparse"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def project(tmp_path: Path, alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the same data and no models, and the process in it."""
    shutil.copytree(alone / "plan", tmp_path / "plan")
    shutil.copytree(alone / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_two_workers_give_the_losses_of_one(project: Path, alone: Path) -> None:
    ports = free_ports(2)
    workers = [worker(index, ports) for index in (0, 1)]
    for index, process in enumerate(workers):
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        assert ("the first worker writes the results" in out) == (index == 1)
    np.testing.assert_allclose(losses(project), losses(alone), rtol=1e-4)
    assert not (project / "checkpoints").exists()


@pytest.mark.slow
def test_two_devices_give_the_losses_of_one(project: Path, alone: Path) -> None:
    subprocess.run([sys.executable, "-c", DEVICES], check=True, capture_output=True)
    np.testing.assert_allclose(losses(project), losses(alone), rtol=1e-4)


@pytest.mark.slow
def test_a_last_batch_smaller_than_the_devices_counts_as_it_is(project: Path, alone: Path) -> None:
    """65 images in batches of 32 leave one: the second of two devices has none."""
    train = read_npz(project / paths.prepared("train"))
    write_npz(project / paths.prepared("train"), {name: array[:65] for name, array in train.items()})
    plan = project / paths.plan("train@sparse")
    plan.write_text(plan.read_text().replace('"batch_size": 50', '"batch_size": 32'))
    command = [sys.executable, "-m", "latentlab.stages.train", "sparse"]
    subprocess.run(command, check=True, capture_output=True)
    one = losses(project)
    paths.history("sparse").unlink()
    subprocess.run([sys.executable, "-c", DEVICES], check=True, capture_output=True)
    assert np.isfinite(one).all()
    np.testing.assert_allclose(losses(project), one, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["{", '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "wrker"}}'])
@pytest.mark.usefixtures("project")
def test_a_wrong_cluster_is_one_line(config: str) -> None:
    command = [sys.executable, "-m", "latentlab.stages.train", "sparse"]
    done = subprocess.run(command, env=os.environ | {"TF_CONFIG": config}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: TF_CONFIG: ")
    assert done.stderr.count("\n") == 1
