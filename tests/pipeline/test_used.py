"""Data that changes under a stage is found: what dvc.lock says is compared with what the stage has noted."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.errors import UserError
from latentlab.pipeline import dvc
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.used import NOTE, changed_under_stages, forget_misrecorded, hashes_of
from latentlab.storage.json import read_json, write_json
from tests.conftest import run

VARIANT = "vae"
FILES = paths.prepared("train"), paths.prepared("validation")


@pytest.fixture
def recorded(project: Path) -> dict[str, Any]:
    """The lock of two stages that ran while nothing changed, and its file."""
    paths.RAW.mkdir(parents=True)
    (paths.RAW / "a.png").write_text("a")
    for path in FILES:
        path.parent.mkdir(exist_ok=True)
        path.write_text(path.name)
    write_json(paths.RAW_USED, {NOTE: hashes_of(paths.RAW)})
    write_json(paths.training(VARIANT), {"epochs": 2, NOTE: hashes_of(*FILES)})
    lock = {"prepare": entry([paths.RAW], paths.RAW_USED), name_of("train", VARIANT): entry([*FILES], training())}
    write(lock)
    return lock


def training() -> Path:
    return paths.training(VARIANT)


def entry(dependencies: list[Path], note: Path) -> dict[str, Any]:
    return {
        "cmd": "true",
        "deps": [{"path": path.as_posix(), "md5": md5(path)} for path in dependencies],
        "outs": [{"path": note.as_posix(), "md5": md5(note)}],
    }


def write(lock: dict[str, Any]) -> None:
    YAML(typ="safe", pure=True).dump({"schema": "2.0", "stages": lock}, paths.LOCK)


def record(lock: dict[str, Any], stage: str) -> None:
    """What DVC does when a command has ended."""
    for dependency in lock[stage]["deps"]:
        dependency["md5"] = md5(Path(dependency["path"]))
    write(lock)


def test_what_did_not_change_is_no_finding(recorded: dict[str, Any]) -> None:
    assert changed_under_stages([VARIANT, "none"]) == {}
    forget_misrecorded([VARIANT])
    paths.LOCK.unlink()
    assert changed_under_stages([VARIANT]) == {}


@pytest.mark.parametrize(
    ("changed", "stage", "path"),
    [
        (paths.RAW / "a.png", "prepare", "data/raw"),
        (paths.RAW / "b/new.png", "prepare", "data/raw"),
        (paths.prepared("train"), "train@vae", "data/prepared/train.npz"),
        (paths.prepared("validation"), "train@vae", "data/prepared/validation.npz"),
    ],
)
def test_what_changed_while_a_stage_ran_is_found(
    recorded: dict[str, Any], changed: Path, stage: str, path: str
) -> None:
    changed.parent.mkdir(exist_ok=True)
    changed.write_text("another")
    assert changed_under_stages([VARIANT]) == {}  # before DVC records it, it is a change as any
    record(recorded, stage)
    assert changed_under_stages([VARIANT]) == {stage: path}


def test_what_dvc_sees_by_itself_is_no_finding(recorded: dict[str, Any]) -> None:
    """It changed under the stage and back, or DVC leaves out a file of the folder: .dvcignore is the user's."""
    recorded["prepare"]["deps"][0]["md5"] = "0" * 32
    write(recorded)
    assert changed_under_stages([VARIANT]) == {}
    paths.prepared("train").write_text("another")
    record(recorded, "train@vae")
    training().write_text("{}")  # not what dvc.lock has, so the stage runs anyway
    assert changed_under_stages([VARIANT]) == {}
    training().unlink()
    assert changed_under_stages([VARIANT]) == {}


def test_files_that_dvc_never_looks_at_do_not_count(project: Path) -> None:
    (paths.RAW / ".git").mkdir(parents=True)
    (paths.RAW / "a.png").write_text("a")
    before = hashes_of(paths.RAW)
    (paths.RAW / ".git/config").write_text("x")
    assert hashes_of(paths.RAW) == before


TRAINING = f"""
from pathlib import Path
from latentlab.pipeline.used import hashes_of
from latentlab.storage.json import write_json

data = Path("{FILES[0]}")
used = hashes_of(data)
Path("ran").open("a").write("x")
if Path("change").exists():
    Path("change").replace(data)
write_json(Path("{paths.training(VARIANT)}"), {{"{NOTE}": used}})
"""


@pytest.mark.slow
@pytest.mark.usefixtures("recorded")
def test_such_a_stage_is_forgotten_and_runs_again() -> None:
    """Under DVC, with a training that someone changes the data under."""
    run("dvc", "init", "--no-scm", "--quiet")
    Path("stage.py").write_text(TRAINING)
    stage = {"cmd": "python stage.py", "deps": [str(FILES[0])], "outs": [str(training())]}
    YAML(typ="safe", pure=True).dump({"stages": {"train": {"foreach": [VARIANT], "do": stage}}}, Path("dvc.yaml"))
    paths.LOCK.unlink()
    Path("change").write_text("changed")
    run("dvc", "repro", "--quiet")
    assert run("dvc", "status").strip() == "Data and pipelines are up to date."  # which is not so
    line = r"^dvc\.lock: its data/prepared/train\.npz is not what train@vae has read, .* forgotten, run again$"
    with pytest.raises(UserError, match=line):
        forget_misrecorded([VARIANT])
    forget_misrecorded([VARIANT])
    run("dvc", "repro", "--quiet")
    assert Path("ran").read_text() == "xx"  # neither dvc.lock nor the run cache stood in for it
    assert read_json(training())[NOTE] == hashes_of(FILES[0])
    forget_misrecorded([VARIANT])
    assert dvc.status() == {}
