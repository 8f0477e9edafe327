"""What determines a result: the same key before and after a run, another one for whatever makes another result."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from latentlab.errors import UserError
from latentlab.pipeline import inputs
from latentlab.storage.yaml import read_yaml
from tests.conftest import ROOT, make_clone, replace

LOCK = read_yaml(ROOT / "dvc.lock")
VARIANTS = [name.removeprefix("train@") for name in LOCK["stages"] if name.startswith("train@")]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_committed_result_is_whole_and_has_a_key_of_its_own(variant: str) -> None:
    recorded = inputs.recorded(LOCK, variant)
    assert len(recorded.inputs.key) == 64
    others = {inputs.recorded(LOCK, other).inputs.key for other in VARIANTS if other != variant}
    assert recorded.inputs.key not in others
    assert recorded.inputs.settings(variant)["model"]
    assert recorded.inputs.settings(variant)["tsne/perplexity"] == 30
    assert not any(path.startswith(("models/", "data/latents", "metrics")) for path in recorded.inputs.files)
    assert {"src/latentlab/stages/train.py", "requirements.lock", "data/prepared/train.npz"} <= set(recorded.inputs.files)


def locked(lock: dict[str, Any], stage: str, group: str, path: str) -> dict[str, Any]:
    (found,) = (item for item in lock["stages"][stage][group] if item["path"] == path)
    return found  # type: ignore[no-any-return]


def change_code(lock: dict[str, Any]) -> None:
    locked(lock, "tsne@vae", "deps", "src/latentlab/stages/tsne.py")["md5"] = "0" * 32


def change_data(lock: dict[str, Any]) -> None:
    for stage in ("train@vae", "extract@vae", "evaluate@vae"):
        locked(lock, stage, "deps", "data/prepared/train.npz")["md5"] = "0" * 32
    locked(lock, "prepare", "outs", "data/prepared/train.npz")["md5"] = "0" * 32


def change_parameter(lock: dict[str, Any]) -> None:
    for stage in ("train@vae", "extract@vae"):
        lock["stages"][stage]["params"]["params.yaml"]["variants.vae"]["units"] = [256]


@pytest.mark.parametrize("change", [change_code, change_data, change_parameter])
def test_whatever_determines_the_result_is_in_its_key_alone(change: Callable[[dict[str, Any]], None]) -> None:
    other = copy.deepcopy(LOCK)
    change(other)
    before, after = inputs.recorded(LOCK, "vae").inputs, inputs.recorded(other, "vae").inputs
    assert before.key != after.key
    assert (before.code == after.code) == (change is not change_code)


def test_a_result_of_other_bytes_has_the_same_key() -> None:
    other = copy.deepcopy(LOCK)
    locked(other, "plot@vae", "outs", "plots/quick/vae")["md5"] = "1.dir"
    assert inputs.recorded(other, "vae").inputs.key == inputs.recorded(LOCK, "vae").inputs.key


def forget_a_stage(lock: dict[str, Any]) -> None:
    del lock["stages"]["tsne@vae"]


def train_again_and_stop(lock: dict[str, Any]) -> None:
    locked(lock, "train@vae", "outs", "models/vae/encoder.keras")["md5"] = "0" * 32


def change_a_shared_parameter_and_stop(lock: dict[str, Any]) -> None:
    lock["stages"]["train@vae"]["params"]["params.yaml"]["threads"] = 2


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (forget_a_stage, "dvc.lock: found no stage tsne@vae; `dvc repro` adds it"),
        (train_again_and_stop, "dvc.lock: extract@vae is older than the stages before it; `dvc repro` mends it"),
        (change_a_shared_parameter_and_stop, "dvc.lock: extract@vae is older than the stages before it"),
    ],
)
def test_a_result_that_is_not_whole_is_none(change: Callable[[dict[str, Any]], None], fault: str) -> None:
    other = copy.deepcopy(LOCK)
    change(other)
    with pytest.raises(UserError) as raised:
        inputs.recorded(other, "vae")
    assert str(raised.value).startswith(fault)
    assert inputs.recorded(other, "simple").inputs.key


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_clone(tmp_path, monkeypatch, ["vae"])
    for split in ("train", "validation", "test"):
        path = tmp_path / f"data/prepared/{split}.npz"
        path.parent.mkdir(exist_ok=True)
        path.write_text(split)
    (tmp_path / "data/prepared/card.json").write_text("{}")
    return tmp_path


def test_what_is_planned_changes_with_parameters_code_and_data(clone: Path) -> None:
    first = inputs.planned("vae")
    assert inputs.planned("vae") == first
    assert first.params["variants.vae"]["units"] == [512]
    assert "src/latentlab/models/vae.py" in first.files
    keys = {first.key}
    replace("epochs: 2", "epochs: 3")
    keys.add(inputs.planned("vae").key)
    with Path("src/latentlab/models/vae.py").open("a") as file:
        file.write("# more\n")
    keys.add(inputs.planned("vae").key)
    Path("data/prepared/test.npz").write_text("other")
    keys.add(inputs.planned("vae").key)
    assert len(keys) == 4
    Path("data/prepared/test.npz").unlink()
    with pytest.raises(UserError, match=r"^data/prepared/test\.npz: cannot be read"):
        inputs.planned("vae")


def test_md5_is_that_of_dvc(clone: Path) -> None:
    folder = clone / "plots"
    (folder / "b/c").mkdir(parents=True)
    for name in ("b/c/x.png", "b.png", "a.png", "b/z.png"):
        (folder / name).write_text(name)
    Path("dvc.yaml").write_text("stages: {}\n")
    with Repo(str(clone)) as repo:
        (stage,) = repo.add("plots", no_commit=True)
        assert inputs.md5(folder) == stage.outs[0].hash_info.value
    shutil.rmtree(folder)
