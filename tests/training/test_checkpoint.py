"""A training that was stopped and resumed equals one that was not, to the bit."""

import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentlab.config import paths
from latentlab.config.params import parse
from latentlab.config.variants import Variant
from latentlab.errors import UserError
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages import train
from latentlab.stages.train import build
from latentlab.training.checkpoint import Checkpoint, State, training_key
from tests.conftest import build_without_xla, prepare_study

start_tensorflow(seed=42, threads=1)
from latentlab.training.fit import fit  # noqa: E402

DIGITS = (np.random.default_rng(0).random((96, 8, 8, 1)) ** 4 * 255).astype(np.uint8)
STATE = State([{"epoch": 1, "loss": 0.1 + 0.2}], 1, [np.ones((2, 3), np.float32)], [np.array(7)], [])

SETTINGS: dict[str, dict[str, Any]] = {
    "simple": {"epochs": 6},
    "conv": {"epochs": 4, "batch_norm": True, "optimizer": "rmsprop"},
    "denoise": {"epochs": 4, "learning_rate_schedule": {"kind": "cosine"}},
    "lstm": {"epochs": 4},
    "vae": {"epochs": 7, "keep": "best", "learning_rate": 0.05, "early_stopping": {"patience": 3}},
    "sparse": {"epochs": 9, "learning_rate": 0.1, "learning_rate_schedule": {"kind": "plateau", "patience": 1}},
}

SLOW = {"conv", "denoise", "lstm", "vae"}


class StoppedError(Exception):
    """Ends a training early."""


class Stopping(Checkpoint):
    """Stops the training after its third epoch."""

    def save(self, state: State) -> None:  # noqa: D102
        super().save(state)
        if len(state.history) == 3:
            raise StoppedError


def trained(variant: Variant, checkpoint: Checkpoint | None) -> tuple[list[bytes], Any]:
    start_tensorflow(42, threads=1)
    make = build if variant.name == "simple" else build_without_xla
    autoencoder = make(variant, (8, 8, 1))
    result = fit(autoencoder, DIGITS[:70], DIGITS[70:], variant, 42, checkpoint)
    return [weight.tobytes() for weight in autoencoder.get_weights()], result


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SETTINGS]
)
def test_resumed_equals_uninterrupted(tiny: dict[str, Any], name: str, tmp_path: Path) -> None:
    tiny["variants"][name] |= SETTINGS[name]
    variant, path = parse(tiny).variant(name), tmp_path / "state.npz"
    expected = trained(variant, None)
    with pytest.raises(StoppedError):
        trained(variant, Stopping(path, "key", seconds=0))
    assert trained(variant, Checkpoint(path, "key", seconds=0)) == expected


def test_a_state_comes_back_whole(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "a/state.npz", "key", seconds=0)
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    state = checkpoint.load()
    assert state is not None
    assert (state.history, state.best_epoch, state.best) == (STATE.history, 1, [])
    assert state.weights[0].tobytes() == STATE.weights[0].tobytes()
    assert state.weights[0].shape == (2, 3)
    assert state.optimizer[0] == 7
    checkpoint.delete()
    assert not checkpoint.path.exists()


def test_it_is_not_due_more_often_than_asked(tmp_path: Path) -> None:
    assert not Checkpoint(tmp_path / "state.npz", "key", seconds=3600).due
    checkpoint = Checkpoint(tmp_path / "state.npz", "key", seconds=0.2)
    time.sleep(0.2)
    assert checkpoint.due
    checkpoint.save(STATE)
    assert not checkpoint.due


def test_it_is_not_written_before_it_is_due(tiny: dict[str, Any], tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz", "key", seconds=3600)
    trained(parse(tiny).variant("simple"), checkpoint)
    assert not checkpoint.path.exists()


@pytest.mark.parametrize("text", ["soon", "-1", "nan", ""])
def test_seconds_that_are_no_number_stop_with_one_line(
    project: Path, tiny: dict[str, Any], write_params: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write_params(tiny)
    prepare_study()
    monkeypatch.setenv("LATENTLAB_CHECKPOINT_SECONDS", text)
    with pytest.raises(UserError, match=f"LATENTLAB_CHECKPOINT_SECONDS: found '{text}', allowed: a number of seconds"):
        train.main("simple")
    assert not (project / "models").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    np.savez(path, about=np.array([{}], object))


@pytest.mark.parametrize("damage", [cut, flip, empty, pickled])
def test_a_damaged_file_is_ignored_with_one_line(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz", "key", seconds=0)
    checkpoint.save(STATE)
    damage(checkpoint.path)
    assert checkpoint.load() is None
    assert capsys.readouterr().err == f"warning: {checkpoint.path}: ignored, as it is damaged; training starts anew\n"


def test_a_foreign_file_is_ignored_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Checkpoint(tmp_path / "state.npz", "one", seconds=0).save(STATE)
    assert Checkpoint(tmp_path / "state.npz", "other").load() is None
    line = capsys.readouterr().err
    assert line.endswith("ignored, as it is from other parameters, data or code; training starts anew\n")
    assert line.count("\n") == 1


def test_the_key_knows_plan_and_data() -> None:
    keys = {training_key(plan, [data]) for plan in ("one", "other") for data in (DIGITS, -DIGITS, DIGITS[:, :4])}
    assert len(keys) == 6
    assert training_key("one", [DIGITS.copy()]) in keys


def stage(folder: Path, variant: str) -> None:
    """What a child process runs: the whole stage, with a checkpoint each epoch."""
    os.chdir(folder)
    os.environ["LATENTLAB_CHECKPOINT_SECONDS"] = "0"
    if variant != "simple":
        train.build = build_without_xla  # type: ignore[assignment]
    train.main(variant)


def outputs(folder: Path, variant: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "models" / variant).iterdir()}


def written(path: Path) -> int:
    """When the file was last replaced, 0 while there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def wait_for_writing(process: Any, path: Path) -> None:
    """Wait until the process has replaced the file or ended."""
    before = written(path)
    while process.is_alive() and written(path) in (before, 0):
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "kills", "epochs"), [("simple", 3, 60), ("denoise", 2, 15), ("vae", 2, 20)])
def test_killed_at_random_moments(
    project: Path, tiny: dict[str, Any], write_params: Any, variant: str, kills: int, epochs: int, tmp_path: Path
) -> None:
    tiny["variants"][variant] |= {"epochs": epochs, "keep": "best"}
    write_params(tiny)
    prepare_study()
    other = tmp_path / "other"
    shutil.copytree(project / "data", other / "data")
    shutil.copytree(project / "plan", other / "plan")
    context = multiprocessing.get_context("forkserver")  # imports TensorFlow once
    context.set_forkserver_preload(["latentlab.stages.train", "keras", "tensorflow"])

    def child(folder: Path) -> Any:
        process = context.Process(target=stage, args=(folder, variant))
        process.start()
        return process

    warm = context.Process(target=os.getpid)  # the imports, which are not to count below
    warm.start()
    warm.join()
    started = time.monotonic()
    whole = child(project)
    wait_for_writing(whole, project / paths.checkpoint(variant))
    first_writing = time.monotonic()
    whole.join()
    start_up, training = first_writing - started, time.monotonic() - first_writing
    moments, resumed = random.Random(0), 0
    for kill in range(kills):
        process = child(other)
        if kill == 0:  # before it trains; later ones after its first epoch, so that the training gets on
            process.join(moments.uniform(0, start_up))
        else:
            wait_for_writing(process, other / paths.checkpoint(variant))
            process.join(moments.uniform(0, training / 3))
        process.kill()
        process.join()
        resumed += (other / paths.checkpoint(variant)).exists()
    last = child(other)
    last.join()
    assert (whole.exitcode, last.exitcode) == (0, 0)
    assert resumed > 0
    assert outputs(project, variant) == outputs(other, variant)
    assert list((other / "checkpoints").iterdir()) == []


def test_a_state_that_cannot_be_written_is_a_line_of_warning_and_training_goes_on(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny["variants"]["simple"]["epochs"] = 4
    variant, path = parse(tiny).variant("simple"), tmp_path / "state.npz"
    expected = trained(variant, None)
    good = Checkpoint(path, "key", seconds=0)
    good.save(STATE)
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert trained(variant, Checkpoint(path, "other", seconds=0)) == expected
    warnings = [line for line in capsys.readouterr().err.splitlines() if "cannot be written" in line]
    assert warnings == [f"warning: {path}: cannot be written (No space left on device); training goes on without it"]
    assert path.read_bytes() == before


def test_the_folder_of_states_stays(tmp_path: Path) -> None:
    """Another process may be about to write there."""
    checkpoint = Checkpoint(tmp_path / "checkpoints/simple.npz", "key", seconds=0)
    checkpoint.save(STATE)
    checkpoint.delete()
    assert list((tmp_path / "checkpoints").iterdir()) == []
