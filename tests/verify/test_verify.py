"""Whether `verify` finds what was planted: the first stage that differs, and why. A clone with two small studies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import stages_in_lock
from latentlab.runner.reproduce import reproduce
from latentlab.storage.json import read_json, write_json
from latentlab.storage.npz import read_npz, write_npz
from latentlab.verify import remake as remaking
from latentlab.verify import run as verifying
from latentlab.verify.clone import Clone, NotVerifiedError
from latentlab.verify.remake import Remade
from latentlab.verify.report import Report, StageReport, Verdict
from latentlab.verify.run import verify
from tests.conftest import commit, git, make_clone, replace, run
from tests.verify.changed_weights import change_weight

pytestmark = pytest.mark.slow

STAGES = [
    *("prepare", "classifier", "train@simple", "extract@simple"),
    *("tsne@simple", "evaluate@simple", "plot@simple"),
]
OWN_IMAGES = """# own images
study: birds
seed: 1
threads: 1
precision: float32
prepare: {dataset: images, path: data/raw/birds, validation: 0.1, test: 0.3}
extract: {splits: [train, test]}
tsne: {perplexity: 3, points: 100}
evaluate: {neighbours: 2}
variants:
  simple: {model: dense, units: [4], epochs: 2, batch_size: 8}
"""


def make_birds(root: Path) -> None:
    """A study with 40 images of 8x8 pixels in two classes."""
    rng = np.random.default_rng(0)
    folder = root / "studies/birds"
    for number in range(40):
        path = folder / f"data/raw/birds/{'robin' if number % 2 else 'wren'}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path)
    (folder / "params.yaml").write_text(OWN_IMAGES)
    shutil.copy(root / "dvc.yaml", folder)


def train_with_a_kill() -> None:
    """Begin the training of `simple` and kill it when it has a checkpoint."""
    slow = os.environ | {"LATENTLAB_CHECKPOINT_SECONDS": "0"}
    command = ["latentlab", "reproduce", "train@simple"]
    with subprocess.Popen(command, env=slow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as runner:
        while not paths.checkpoint("simple").exists():
            assert runner.poll() is None
            time.sleep(0.01)
        os.kill(int(paths.training_lock("simple").read_text()), signal.SIGKILL)
        assert runner.wait() == 255
    assert paths.checkpoint("simple").exists()


def all_files(root: Path) -> dict[str, str]:
    """Everything in a project, git's and DVC's folders included."""
    return {path.relative_to(root).as_posix(): md5(path) for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Committed results of `simple`, whose training was killed and went on, and of own images in studies/birds."""
    root = tmp_path_factory.mktemp("base") / "project"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple"])
        replace("epochs: 2", "epochs: 60")
        make_birds(root)
        train_with_a_kill()
        names = ["plot@simple", "evaluate@simple"]
        reproduce([*names, *(f"studies/birds/dvc.yaml:{name}" for name in (*names, "compare"))], jobs=2)
        commit("results")
        yield root


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path, Remade]:
    """The report on the untouched root, the folder in which it was made again, and what came of that."""
    kept: list[Any] = [tmp_path_factory.mktemp("made") / "study"]
    with pytest.MonkeyPatch.context() as patch:
        real = remaking.remake

        def remake(clone: Clone, study: Path, *rest: Any) -> Remade:
            kept.append(real(clone, study, *rest))
            shutil.copytree(study, kept[0])
            return kept[1]  # type: ignore[no-any-return]

        patch.setattr(verifying, "remake", remake)
        before = all_files(base)
        report = verify([], jobs=2)
        assert all_files(base) == before
    return report, kept[0], kept[1]


@pytest.fixture(autouse=True)  # what a test changes, no other test sees
def copy(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the clone, and the process in it."""
    root = tmp_path / "project"
    shutil.copytree(base, root, symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PYTHONPATH", str(root / "src"))
    return root


@pytest.fixture
def remade(made: tuple[Report, Path, Remade], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the same parameters and code give, from the run before: for changes of what is committed alone."""

    def remake(_: Clone, study: Path, *__: Any) -> Remade:
        for name in ("data", "models", "plots", "metrics", "plan"):
            shutil.copytree(made[1] / name, study / name, dirs_exist_ok=True)
        return made[2]

    monkeypatch.setattr(verifying, "remake", remake)


def plant(path: Path, content: bytes, cached: bool = True) -> None:
    """Have cache and dvc.lock say that a stage has made this content."""
    old = md5(path)
    path.unlink()
    path.write_bytes(content)
    lock, new = Path("dvc.lock"), md5(path)
    assert old in lock.read_text()
    lock.write_text(lock.read_text().replace(old, new))
    if cached:
        target = Path(".dvc/cache/files/md5", new[:2], new[2:])
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)


def by_name(report: Report) -> dict[str, StageReport]:
    return {stage.stage: stage for stage in report.stages}


def verdicts(report: Report) -> dict[str, str]:
    return {stage.stage: stage.verdict.value for stage in report.stages}


def first(report: Report) -> StageReport:
    assert report.first
    return by_name(report)[report.first]


def test_an_untouched_tree_matches_also_after_a_kill(made: tuple[Report, Path, Remade]) -> None:
    report = made[0]
    assert verdicts(report) == dict.fromkeys(STAGES, "MATCH")
    assert report.exit_code == 0
    assert report.first is None
    assert report.numerics == read_json(made[1] / paths.training("simple")).get("numerics")
    assert not (made[1] / "mlflow.db").exists()


@pytest.mark.usefixtures("remade")
def test_one_weight() -> None:
    path = paths.encoder("simple")
    plant(path, change_weight(path, 0.01))
    commit("weight")
    report = verify(["simple"])
    stage = first(report)
    assert (stage.stage, stage.verdict, report.exit_code) == ("train@simple", Verdict.DIFFERS, 2)
    assert stage.causes[0].kind == "not deterministic"
    assert stage.layer == ("dense1", "models/simple/encoder.keras")
    assert "layer dense1, weight 0[0, 0]" in stage.line
    assert stage.epoch is None
    assert verdicts(report) == dict.fromkeys(STAGES, "MATCH") | {"train@simple": "DIFFERS"}


@pytest.mark.usefixtures("remade")
def test_one_weight_by_rounding() -> None:
    path = paths.encoder("simple")
    plant(path, change_weight(path, 1e-8))
    commit("weight")
    report = verify(["simple"])
    assert verdicts(report) == dict.fromkeys(STAGES, "MATCH") | {"train@simple": "WITHIN TOLERANCE"}
    assert report.exit_code == 1


@pytest.mark.usefixtures("remade")
def test_one_row_of_a_history() -> None:
    path = paths.history("simple")
    head, one, two, *rest = path.read_text().splitlines()
    plant(path, "\n".join([head, one, two.replace("0.", "0.1", 1), *rest, ""]).encode())
    commit("history")
    report = verify(["simple"])
    assert (first(report).stage, first(report).epoch, report.exit_code) == ("train@simple", 2, 2)
    assert "from epoch 2 on" in first(report).line


@pytest.mark.usefixtures("remade")
def test_one_pixel_of_prepared_data() -> None:
    path = paths.prepared("train")
    arrays = read_npz(path)
    arrays["images"][3, 4, 5, 0] ^= 1
    write_npz(Path("other.npz"), arrays)
    content = Path("other.npz").read_bytes()
    Path("other.npz").unlink()
    plant(path, content)
    commit("pixel")
    report = verify(["simple"])
    assert (first(report).stage, first(report).causes[0].kind) == ("prepare", "data")
    assert "images[3, 4, 5, 0]" in first(report).line
    train = by_name(report)["train@simple"]  # training.json has the hash of what it has read
    assert (train.verdict, train.after) == (Verdict.MATCH, [])


@pytest.mark.usefixtures("remade")
def test_one_version_of_a_library() -> None:
    plan = paths.plan("train@simple")
    version = json.loads(plan.read_text())["libraries"]["keras"]
    plant(plan, plan.read_text().replace(f'"keras": "{version}"', '"keras": "3.0.0"').encode(), cached=False)
    commit("plan")
    words = f"libraries: keras 3.0.0 -> {version}"
    report = verify(["simple"])
    assert report.exit_code == 0
    assert by_name(report)["train@simple"].line == f"MATCH             made from another plan, without effect: {words}"
    path = paths.decoder("simple")
    plant(path, change_weight(path, 0.01))
    commit("weight")
    report = verify(["simple"])
    assert first(report).stage == "train@simple"
    assert first(report).line.startswith(f"DIFFERS           {words}; ")


@pytest.mark.usefixtures("remade")
def test_an_edited_metric() -> None:
    metrics = read_json(paths.metrics("simple"))
    value = metrics["latent"]["knn_accuracy"]
    metrics["latent"]["knn_accuracy"] = 0.93
    write_json(paths.metrics("simple"), metrics)
    commit("edited")
    report = verify(["simple"])
    assert report.exit_code == 2
    line = f"metrics/simple.json: edited since it was recorded: latent.knn_accuracy 0.93 where dvc.lock has {value:.6g}"
    assert by_name(report)["evaluate@simple"].line == f"DIFFERS           edited: {line}"
    # and with dvc.lock edited along
    git("checkout", "-q", "HEAD~1", "--", "metrics")
    content = json.dumps(metrics).encode()
    plant(paths.metrics("simple"), content, cached=False)
    commit("edited along")
    report = verify(["simple"])
    assert verdicts(report) == dict.fromkeys(STAGES, "MATCH") | {"evaluate@simple": "DIFFERS"}
    assert f"latent.knn_accuracy 0.93 -> {value:.6g}" in first(report).line


@pytest.mark.usefixtures("remade")
def test_another_numerical_class() -> None:
    metrics = read_json(paths.metrics("simple"))
    metrics["training"]["numerics"] = "portable"
    plant(paths.metrics("simple"), json.dumps(metrics).encode(), cached=False)
    path = paths.encoder("simple")
    plant(path, change_weight(path, 0.01))
    commit("numerics")
    report = verify(["simple"])
    assert first(report).line.startswith(f"DIFFERS           numerical class: portable -> {report.numerics}; ")
    # the numbers themselves are the same
    assert by_name(report)["evaluate@simple"].verdict is Verdict.WITHIN


@pytest.mark.usefixtures("remade")
def test_an_empty_cache(copy: Path) -> None:
    for name in (".dvc/cache", "data", "models", "plots"):
        shutil.rmtree(copy / name)
    assert verify(["simple"]).exit_code == 0
    lock = copy / "dvc.lock"
    recorded = stages_in_lock(lock)["train@simple"]["outs"][1]["md5"]
    lock.write_text(lock.read_text().replace(recorded, "0" * 32))
    commit("another model")
    report = verify(["simple"])
    assert first(report).line.endswith("differs; its size is unknown, as the committed file is not here")
    assert report.exit_code == 2


@pytest.mark.usefixtures("remade")
def test_a_workspace_with_changes_is_left_alone(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace("epochs: 60", "epochs: 3")
    paths.encoder("simple").unlink()
    before = all_files(copy)
    assert verify(["simple"]).exit_code == 0
    assert "uncommitted changes are not looked at" in capsys.readouterr().err
    assert all_files(copy) == before


@pytest.mark.usefixtures("remade")
def test_an_older_commit() -> None:
    path = paths.encoder("simple")
    plant(path, change_weight(path, 0.01))
    commit("weight")
    assert verify(["simple"]).exit_code == 2
    report = verify(["simple"], "HEAD~1")
    assert (report.exit_code, report.commit) == (0, git("rev-parse", "HEAD~1").strip())
    git("clone", "-q", "--depth", "1", f"file://{Path.cwd()}", "shallow")
    with chdir("shallow"):
        assert verify(["simple"]).exit_code == 2


def test_one_parameter_that_was_committed_without_a_run() -> None:
    replace("epochs: 60", "epochs: 3")
    commit("parameter")
    report = verify(["simple"], jobs=2)
    assert first(report).stage == "train@simple"
    assert first(report).line.startswith("DIFFERS           parameters: epochs 60 -> 3; ")
    assert [stage.after for stage in report.stages] == [[], [], [], *[["train@simple"]] * 4]
    assert report.exit_code == 2


def test_other_numerics_that_were_committed_without_a_run() -> None:
    replace("numerics: portable", "numerics: native")
    commit("numerics")
    report = verify(["simple"], jobs=2)
    assert report.exit_code in (0, 2)  # 0 where the CPU has nothing better for any of it
    if report.exit_code:
        assert "parameters: numerics portable -> native" in first(report).line


def test_one_line_of_code_from_the_command_line(copy: Path) -> None:
    code = copy / "src/latentlab/metrics/latent.py"
    code.write_text(
        code.read_text() + "\n\nBASE = sparsity\n\n\ndef sparsity(features: Array) -> float:\n    return 0.5\n"
    )
    # the plans are written anew, as by the stage `plan` alone: an older commit has what the results were made from
    run("python", "-m", "latentlab.stages.plan")
    commit("code")
    command = ["latentlab", "verify", "simple", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    report = json.loads(done.stdout)
    assert report["first"] == "evaluate@simple"
    found = {stage["stage"]: stage for stage in report["stages"]}
    assert found["evaluate@simple"]["causes"] == [{"kind": "code", "words": ["metrics/latent.py"]}]
    assert found["evaluate@simple"]["files"][0]["difference"]["place"] == "latent.sparsity"
    assert [stage["verdict"] for stage in report["stages"]].count("MATCH") == 6


def test_one_pixel_of_own_images(copy: Path) -> None:
    path = copy / "studies/birds/data/raw/birds/wren/0.png"
    pixels = np.array(Image.open(path))
    pixels[2, 3] = 255 - pixels[2, 3]
    Image.fromarray(pixels).save(path)
    report = verify(["birds"], jobs=2)
    assert (first(report).stage, report.study) == ("prepare", "birds")
    assert str(first(report).causes[0]) == "data: data/raw is not what dvc.lock says"
    train = by_name(report)["train@simple"]
    assert (train.after, train.epoch) == (["prepare"], 1)
    assert "after prepare; from epoch 1 on; " in train.line
    assert report.exit_code == 2


def test_own_images_that_are_not_here(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(copy / "studies/birds/data")
    report = verify(["birds", "simple"], jobs=2)
    assert "the study's own images are not here" in capsys.readouterr().err
    assert verdicts(report) == {"prepare": "FAILED"} | dict.fromkeys(STAGES[1:], "LEFT OUT")
    assert "data/raw/birds" in first(report).line
    assert report.exit_code == 3


def test_ctrl_c_removes_the_clone(copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a script may ignore it
    code = heed + "import sys; from latentlab.cli import run; sys.argv[1:] = ['verify', 'simple']; run()"
    command = [sys.executable, "-c", code]
    variables = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not list(folder.glob("latentlab-verify-*/project/logs/prepare.log")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "error: verify: interrupted, its temporary clone is removed\n"
    assert list(folder.glob("latentlab-verify-*")) == []


def test_parameters_that_are_wrong_are_said_once() -> None:
    replace("batch_size: 32", "batch_size: -1")
    commit("wrong")
    report = verify(["simple"])
    assert verdicts(report) == {"plan": "FAILED"} | dict.fromkeys(STAGES, "LEFT OUT")
    assert "params.yaml: variants.simple.batch_size: found -1" in first(report).line
    assert report.exit_code == 3


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match=r"^verify: found 'simpel', allowed: a study, or variants of it: simple$"):
        verify(["simpel"])
    with pytest.raises(UserError, match=r"^--rev: found 'nowhere', allowed: a commit, a branch or a tag"):
        verify([], "nowhere")
    git("rm", "-q", "--cached", "dvc.lock")
    git("commit", "-qm", "no lock")
    with pytest.raises(NotVerifiedError, match=r"^dvc.lock: not committed, allowed: "):
        verify([])
