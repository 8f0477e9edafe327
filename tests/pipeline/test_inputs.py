"""What determines a result: the same key before and after a run, another one for whatever makes another result."""

import copy
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline import inputs
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import stages_in_lock
from latentlab.stages import plan
from latentlab.storage.yaml import read_yaml
from tests.conftest import ROOT, make_clone, replace

LOCK = read_yaml(ROOT / "dvc.lock")
VARIANTS = [name.removeprefix("train@") for name in LOCK["stages"] if name.startswith("train@")]


def read(path: Path) -> str:
    """A committed plan."""
    return (ROOT / path).read_text()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_committed_result_is_whole_and_has_a_key_of_its_own(variant: str) -> None:
    recorded = inputs.recorded(LOCK, variant, read)
    assert len(recorded.inputs.key) == 64
    others = {inputs.recorded(LOCK, other, read).inputs.key for other in VARIANTS if other != variant}
    assert recorded.inputs.key not in others
    settings = recorded.inputs.settings()
    assert settings["model"]
    assert settings["tsne/perplexity"] == 30
    assert settings["prepare/dataset"] == "mnist_5k"
    names = ("train.npz", "validation.npz", "test.npz", "card.json", "classes.json")
    assert set(recorded.inputs.data) == {f"data/prepared/{name}" for name in names}
    assert paths.encoder(variant).as_posix() in recorded.outputs


def locked(lock: dict[str, Any], stage: str, group: str, path: str) -> dict[str, Any]:
    (found,) = (item for item in lock["stages"][stage][group] if item["path"] == path)
    return found  # type: ignore[no-any-return]


def test_other_data_is_another_result() -> None:
    other = copy.deepcopy(LOCK)
    for stage in ("classifier", "train@vae", "extract@vae", "evaluate@vae", "plot@vae"):
        locked(other, stage, "deps", "data/prepared/train.npz")["md5"] = "0" * 32
    locked(other, "prepare", "outs", "data/prepared/train.npz")["md5"] = "0" * 32
    before, after = (inputs.recorded(lock, "vae", read).inputs for lock in (LOCK, other))
    assert before.key != after.key
    assert before.code == after.code


def test_a_result_of_other_bytes_has_the_same_key() -> None:
    other = copy.deepcopy(LOCK)
    locked(other, "plot@vae", "outs", "plots/vae")["md5"] = "1.dir"
    assert inputs.recorded(other, "vae", read).inputs.key == inputs.recorded(LOCK, "vae", read).inputs.key


def forget_a_stage(lock: dict[str, Any]) -> None:
    del lock["stages"]["tsne@vae"]


@pytest.mark.parametrize("stage", ["prepare", "train@vae"])
def test_an_entry_that_was_cut_off_is_one_line_or_no_fault(tmp_path: Path, stage: str) -> None:
    """As `dvc repro` leaves dvc.lock, which it writes in place, when it is killed."""
    whole, lock = io.StringIO(), tmp_path / "dvc.lock"
    YAML(typ="safe", pure=True).dump({"stages": {stage: LOCK["stages"][stage]}}, whole)
    text = whole.getvalue()
    faults = set()
    for length in range(len("stages:"), len(text), 11):
        lock.write_text(text[:length])
        try:
            left: dict[str, Any] = {stage: None} | stages_in_lock(lock)
            inputs.recorded({"stages": {**LOCK["stages"], **left}}, "vae", read)
        except UserError as error:
            faults.add(str(error).split(f"{tmp_path}/")[-1][:30])
    assert any("found no plan" in fault for fault in faults), faults


def train_again_and_stop(lock: dict[str, Any]) -> None:
    locked(lock, "train@vae", "outs", "models/vae/encoder.keras")["md5"] = "0" * 32


def plan_again_and_stop(lock: dict[str, Any]) -> None:
    locked(lock, "train@vae", "deps", "plan/train@vae.json")["md5"] = "0" * 32


def be_from_before_plans(lock: dict[str, Any]) -> None:
    lock["stages"]["train@vae"]["deps"] = []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (forget_a_stage, "dvc.lock: found no stage tsne@vae; `dvc repro` adds it"),
        (train_again_and_stop, "dvc.lock: extract@vae is older than the stages before it; `dvc repro` mends it"),
        (plan_again_and_stop, "plan/train@vae.json: is not what dvc.lock says; `dvc repro` makes both agree"),
        (be_from_before_plans, "dvc.lock: found no plan/train@vae.json among the files that its stage read"),
    ],
)
def test_a_result_that_is_not_whole_is_none(change: Callable[[dict[str, Any]], None], fault: str) -> None:
    other = copy.deepcopy(LOCK)
    change(other)
    with pytest.raises(UserError) as raised:
        inputs.recorded(other, "vae", read)
    assert str(raised.value).startswith(fault)
    assert inputs.recorded(other, "simple", read).inputs.key


def test_a_result_from_before_a_stage_was_added_is_whole_without_it() -> None:
    other = copy.deepcopy(LOCK)
    other["stages"].pop("classifier", None)
    assert set(inputs.recorded(other, "vae", read).inputs.plans) == inputs.stages_of("vae").keys() - {"classifier"}


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_clone(tmp_path, monkeypatch, ["vae"])
    for path in inputs.DATA:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    plan.main()
    return tmp_path


def test_what_is_planned_changes_with_parameters_and_data(clone: Path) -> None:
    first = inputs.planned("vae")
    assert inputs.planned("vae") == first
    assert first.settings()["units"] == [512]
    keys = {first.key}
    replace("epochs: 2", "epochs: 3")
    assert inputs.planned("vae") == first  # until `plan` has run
    plan.main()
    keys.add(inputs.planned("vae").key)
    paths.prepared("test").write_text("other")
    keys.add(inputs.planned("vae").key)
    assert len(keys) == 3
    paths.prepared("test").unlink()
    with pytest.raises(UserError, match=r"^data/prepared/test\.npz: cannot be read"):
        inputs.planned("vae")


def test_code_is_part_of_the_key(clone: Path) -> None:
    first = inputs.planned("vae")
    path = paths.plan("plot@vae")
    path.write_text(path.read_text().replace('figures/losses.py": "', 'figures/losses.py": "0'))
    assert inputs.planned("vae").key != first.key
    assert inputs.planned("vae").code != first.code


def test_md5_is_that_of_dvc(clone: Path) -> None:
    folder = clone / "plots"
    (folder / "b/c").mkdir(parents=True)
    for name in ("b/c/x.png", "b.png", "a.png", "b/z.png"):
        (folder / name).write_text(name)
    Path("dvc.yaml").write_text("stages: {}\n")
    with Repo(str(clone)) as repo:
        (stage,) = repo.add("plots", no_commit=True)
        assert md5(folder) == stage.outs[0].hash_info.value
    shutil.rmtree(folder)
