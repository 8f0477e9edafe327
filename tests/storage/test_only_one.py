"""Two trainings of one variant at once: the second says which process is at work and touches nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.stages import train
from latentlab.storage.only_one import only_one
from tests.conftest import prepare_study

HOLDER = """
import sys, time
from pathlib import Path
from latentlab.storage.only_one import only_one
with only_one(Path("checkpoints/simple.lock"), "trains this variant"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(project: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that trains `simple`."""
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_names_the_first_and_leaves_its_files(holder: subprocess.Popen[str]) -> None:
    prepare_study()
    state = paths.checkpoint("simple")
    state.write_text("the first one's")
    line = rf"^checkpoints/simple\.lock: process {holder.pid} trains this variant; wait for it or end it$"
    with pytest.raises(UserError, match=line):
        train.main("simple")
    assert state.read_text() == "the first one's"
    assert not paths.encoder("simple").exists()
    with only_one(paths.training_lock("sparse"), "trains this variant"):  # another variant may train
        pass
    holder.kill()
    holder.wait()
    with only_one(paths.training_lock("simple"), "trains this variant"):  # however the first ended
        assert paths.training_lock("simple").read_text() == f"{os.getpid()}\n"


def test_it_is_free_after_an_error_and_not_while_it_is_held(project: Path) -> None:
    path = paths.training_lock("simple")
    with only_one(path, "trains this variant"), pytest.raises(UserError, match=f"process {os.getpid()} trains"):
        only_one(path, "trains this variant").__enter__()
    with pytest.raises(ValueError, match="stop"), only_one(path, "trains this variant"):
        raise ValueError("stop")
    with only_one(path, "trains this variant"):
        pass


TAKER = """
import os, sys
from pathlib import Path
from latentlab.errors import UserError
from latentlab.storage.only_one import only_one
had = 0
for _ in range(2000):
    try:
        with only_one(Path("checkpoints/simple.lock"), "trains this variant"):
            os.close(os.open("inside", os.O_CREAT | os.O_EXCL))  # fails if another process is in here
            os.unlink("inside")
            had += 1
    except UserError as error:
        assert "trains this variant" in str(error), error
print(had)
"""


def test_processes_that_come_and_go_are_never_in_it_together(project: Path) -> None:
    command = [sys.executable, "-c", TAKER]
    takers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for taker in takers:
        out, err = taker.communicate(timeout=120)
        assert taker.returncode == 0, err
        assert int(out) > 0
    assert list(Path("checkpoints").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(project: Path) -> None:
    Path("checkpoints").write_text("a file")
    with pytest.raises(UserError, match=r"^checkpoints/simple\.lock: cannot be written \(File exists\)$"):
        only_one(paths.training_lock("simple"), "trains this variant").__enter__()


@pytest.mark.slow
def test_a_training_whose_dvc_was_killed_is_still_the_only_one(project: Path) -> None:
    """The second ends with one line; the first ends well, and nothing of it is lost."""
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(
        text.replace(
            "simple: {model: dense, units: [32], epochs: 2", "simple: {model: dense, units: [32], epochs: 2000"
        )
    )
    prepare_study()
    command = [sys.executable, "-m", "latentlab.stages.train", "simple"]
    environment = os.environ | {"LATENTLAB_CHECKPOINT_SECONDS": "0"}
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 120
    while not paths.checkpoint("simple").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = subprocess.run(command, capture_output=True, text=True)
    assert (second.returncode, second.stderr) == (
        1,
        f"error: checkpoints/simple.lock: process {first.pid} trains this variant; wait for it or end it\n",
    )
    first.send_signal(signal.SIGINT)
    first.communicate()
    third = subprocess.run(command, capture_output=True, text=True)  # without 2,000 checkpoints
    assert third.returncode == 0, third.stderr
    assert "2000 epochs" in third.stdout
