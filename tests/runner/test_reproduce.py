"""The pipeline under DVC: a copy of the project with a study of two variants."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.runner.reproduce import reproduce
from latentlab.storage.csv import read_csv
from tests.clones import put_sketches
from tests.conftest import commit, make_clone, replace, run

pytestmark = pytest.mark.slow

EACH = ("train", "extract", "tsne", "evaluate", "plot")
PATH = os.environ["PATH"]  # whose `python` and `dvc` are themselves
WHOLE = 3 + 2 * len(EACH) + 3  # prepare, classifier, references, two variants, compare, report, track
ARCHITECTURE = '''"""A linear autoencoder, dropped in."""

from latentlab.config.settings import Settings, Size
from latentlab.networks.autoencoder import Autoencoder


class Options(Settings):
    size: Size = 3


def build(options, image_shape):
    import keras
    from keras import layers

    from latentlab.networks.layers import dense_to_image

    images = keras.Input(image_shape)
    code = layers.Dense(options.size, name="code")(layers.Flatten(name="flat")(images))
    inner = keras.Input((options.size,))
    return Autoencoder(keras.Model(images, code), keras.Model(inner, dense_to_image(inner, image_shape)))
'''


def stages_in(printed: str) -> set[str]:
    """Stages whose commands `dvc repro` has run."""
    return set(re.findall(r"^Running stage '(.*)':$", printed, re.MULTILINE))


def each(stage: str) -> set[str]:
    return {f"{stage}@{variant}" for variant in ("simple", "vae")}


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory, database: bytes, forks: Path, kept_forks: None) -> Iterator[Path]:
    """A clone with two variants, run and committed."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple", "vae"])
        put_sketches()
        commit("sketches")
        (root / "mlflow.db").write_bytes(database)
        patch.setenv("PATH", f"{forks}{os.pathsep}{PATH}")
        assert reproduce(jobs=2) == WHOLE
        commit("results")
        yield root


@pytest.fixture
def edit(clone: Path) -> Iterator[None]:
    """Whatever a test does to params.yaml and to the source is taken back; results come from the run cache."""
    yield
    run("git", "checkout", "-q", "--", "params.yaml", "src")
    reproduce(jobs=2)


def test_results_are_there_and_nothing_is_left_to_do(clone: Path) -> None:
    assert {path.stem for path in (clone / "metrics").iterdir()} == {"simple", "vae", "references"}
    assert (clone / "plots/compare/metrics.png").exists()
    assert (clone / "mlflow.db").exists()
    assert run("latentlab", "track").startswith("nothing to do, ")
    lock = (clone / "dvc.lock").read_bytes()
    start = time.perf_counter()
    assert stages_in(run("dvc", "repro")) == {"plan"}
    assert time.perf_counter() - start < 15  # DVC's own start is most of it
    assert reproduce(jobs=1) == 0
    assert (clone / "dvc.lock").read_bytes() == lock
    assert run("git", "status", "--porcelain") == ""


@pytest.mark.usefixtures("edit")
def test_a_changed_variant_and_a_dropped_in_architecture_run_alone(clone: Path) -> None:
    before = {v: paths.encoder(v).stat().st_mtime_ns for v in ("simple", "vae")}
    replace("simple: {model: dense, units: [32], epochs: 2", "simple: {model: dense, units: [16], epochs: 1")
    (clone / "src/latentlab/models/linear.py").write_text(ARCHITECTURE)
    with Path("params.yaml").open("a") as file:
        file.write("  mine: {model: linear, size: 4, epochs: 1, batch_size: 32}\n")
    assert reproduce(jobs=2) == 2 * len(EACH) + 3  # compare, report and track too
    assert paths.encoder("simple").stat().st_mtime_ns > before["simple"]
    assert paths.encoder("vae").stat().st_mtime_ns == before["vae"]
    assert json.loads(paths.metrics("mine").read_text())["latent"]["dim"] == 4
    assert "mine" in run("latentlab", "results", "--markdown")
    assert run("git", "status", "--porcelain", "--", "src").split() == ["??", "src/latentlab/models/linear.py"]


@pytest.mark.usefixtures("edit")
def test_a_slip_in_params_leaves_every_result(clone: Path) -> None:
    results = [path for name in ("data", "models", "plots", "metrics") for path in (clone / name).rglob("*.*")]
    before = {path: path.read_bytes() for path in results if path.is_file()}
    replace("epochs: 2", "epochs: -2")
    done = subprocess.run(["dvc", "repro"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "error: params.yaml: variants.simple.epochs: found -2" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before} == before


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Lines of stages and of DVC, without the names that `latentlab reproduce` puts before."""
    return [re.sub(r"^[a-z]+(@[a-z_]+)?: (?=error: )", "", line) for line in (done.stdout + done.stderr).splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def locked(clone: Path, stage: str) -> Any:
    return YAML(typ="safe").load(clone / "dvc.lock")["stages"][stage]


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize("command", [["dvc", "repro"], ["latentlab", "reproduce"]], ids=" ".join)
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_all_results(clone: Path, command: list[str]) -> None:
    good = contents(clone / "models/vae"), locked(clone, "train@vae")
    replace("vae: {model: vae,", "vae: {model: vae, learning_rate: 1.0e+30,")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    line = "error: variant vae: loss is not finite in epoch 1; try a lower learning_rate"
    assert line in said(done)
    assert (contents(clone / "models/vae"), locked(clone, "train@vae")) == good
    assert paths.metrics("simple").exists()
    assert list((clone / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("name", ["own/image.png", "train-images-idx3-ubyte.gz", "mnist.npz", "mnist/part"])
def test_data_of_the_users_own_is_watched_whatever_its_name(clone: Path, name: str) -> None:
    file = clone / "data/raw" / name
    before = set((clone / "data/raw").iterdir())
    try:
        file.parent.mkdir(exist_ok=True)
        file.touch()
        assert json.loads(run("dvc", "status", "--json", "prepare"))["prepare"] == [
            {"changed deps": {"data/raw": "modified"}}
        ]
        assert run("git", "status", "--porcelain", "--", "data") == ""
    finally:
        for added in set((clone / "data/raw").iterdir()) - before:
            shutil.rmtree(added) if added.is_dir() else added.unlink()


def test_downloads_are_in_neither_git_nor_dvc(clone: Path) -> None:
    (clone / "downloads").mkdir()
    (clone / "downloads/mnist.npz").touch()
    assert json.loads(run("dvc", "status", "--json", "prepare")) == {}
    assert run("git", "status", "--porcelain", "--", "downloads") == ""
    shutil.rmtree(clone / "downloads")


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "empty cache"])
def test_a_failing_evaluation_leaves_the_numbers_that_are_in_git(clone: Path, cached: bool) -> None:
    good = {variant: paths.metrics(variant).read_bytes() for variant in ("simple", "vae")}
    replace("neighbours: 5", "neighbours: 30")  # of 60 points, which only the stage knows
    cache, aside = clone / ".dvc/cache", clone / ".dvc/aside"
    command = ["latentlab", "reproduce"] if cached else ["dvc", "repro", "--single-item", "plan", "evaluate@simple"]
    try:
        if not cached:
            cache.rename(aside)
        done = subprocess.run(command, capture_output=True, text=True)
    finally:
        if not cached:
            shutil.rmtree(cache, ignore_errors=True)
            aside.rename(cache)
    assert done.returncode != 0
    assert "error: params.yaml: evaluate.neighbours: found 30, allowed: " in done.stdout + done.stderr
    assert {variant: paths.metrics(variant).read_bytes() for variant in good} == good


def stage_at_work(stage: str) -> list[int]:
    """The processes of a stage: the one that DVC has started, then the one that works."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            if f"latentlab.stages.{stage}".encode() in command and (process / "cwd").samefile(Path()):
                found.append(int(process.name))
    return sorted(found)


@pytest.fixture
def heed_interrupts() -> Iterator[None]:
    """Processes that start now heed Ctrl-C, also where this one runs in the background of a script and does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("edit", "heed_interrupts")
@pytest.mark.parametrize("end", ["Ctrl-C", "terminated", "killed"])
def test_a_training_that_is_stopped_leaves_the_models_of_the_last_run(clone: Path, end: str) -> None:
    good = contents(clone / "models/simple"), locked(clone, "train@simple")
    replace("simple: {model: dense, units: [32], epochs: 2", "simple: {model: dense, units: [32], epochs: 100000")
    first = subprocess.Popen(
        ["dvc", "repro", "train@simple"],
        env=os.environ | {"LATENTLAB_CHECKPOINT_SECONDS": "0", "PATH": PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (clone / paths.checkpoint("simple")).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not (clone / "models/simple").exists() or list((clone / "models/simple").iterdir()) == []
    guard, worker = stage_at_work("train")
    if end == "Ctrl-C":
        os.killpg(first.pid, signal.SIGINT)
    elif end == "terminated":
        os.kill(guard, signal.SIGTERM)
    else:
        os.kill(worker, signal.SIGKILL)
    try:
        _, err = first.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
    assert first.returncode != 0
    line = {
        "Ctrl-C": "error: train simple: interrupted",
        "terminated": "error: train@simple: ended by SIGTERM",
        "killed": "error: train@simple: ended by SIGKILL",
    }
    assert line[end] in err.splitlines()
    assert "Traceback" not in err
    assert (contents(clone / "models/simple"), locked(clone, "train@simple")) == good
    assert stage_at_work("train") == []
    (clone / paths.checkpoint("simple")).unlink()


@pytest.mark.usefixtures("edit")
def test_a_crash_in_native_code_is_one_line_and_keeps_what_was_there(clone: Path) -> None:
    good = paths.embedding("simple").read_bytes()
    change(
        "stages/tsne.py", "    latents = read_pickle(", "    import os\n\n    os.abort()\n    latents = read_pickle("
    )
    done = subprocess.run(["latentlab", "reproduce"], capture_output=True, text=True)
    assert done.returncode == 255  # as `dvc repro`
    assert "error: tsne@simple: ended by SIGABRT" in said(done)
    assert f"tsne@simple failed with exit code 134, log: {clone}/logs/tsne@simple.log\n" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "error: tsne@simple and tsne@vae failed; left out for that: evaluate@"
    )
    assert "ended by SIGABRT" in (clone / "logs/tsne@simple.log").read_text()
    assert paths.embedding("simple").read_bytes() == good


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "empty cache"])
def test_data_that_cannot_be_read_is_one_line_and_the_splits_come_back(clone: Path, cached: bool) -> None:
    good = contents(clone / "data/prepared")
    replace("dataset: mnist_5k, images: 300", "dataset: npz, path: data/raw/none.npz")
    cache, aside = clone / ".dvc/cache", clone / ".dvc/aside"
    try:
        if not cached:
            cache.rename(aside)
        done = subprocess.run(["dvc", "repro", "prepare"], capture_output=True, text=True)
    finally:
        if not cached:
            shutil.rmtree(cache, ignore_errors=True)
            aside.rename(cache)
            run("dvc", "checkout", "--force", "prepare")
    assert done.returncode != 0
    assert "error: params.yaml: prepare.path: found 'data/raw/none.npz': No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(clone / "data/prepared") == good


@pytest.mark.usefixtures("edit")
def test_a_slip_in_dvc_yaml_is_one_line(clone: Path) -> None:
    whole = (clone / "dvc.yaml").read_text()
    try:
        (clone / "dvc.yaml").write_text(whole + "  broken: {cmd: 1, typo: 2}\n")
        with pytest.raises(UserError, match=r"dvc\.yaml"):
            reproduce(jobs=1)
    finally:
        (clone / "dvc.yaml").write_text(whole)


def test_dvc_shows_metrics_plots_and_the_graph() -> None:
    metrics = json.loads(run("dvc", "metrics", "show", "--json"))
    assert metrics[""]["data"]["metrics/vae.json"]["data"]["vae"]["elbo"] < 0
    run("dvc", "plots", "show", "--out", "shown")
    page = Path("shown/index.html").read_text()
    assert "models/simple/history.csv" in page
    assert "tsne.png" in page
    assert "train@vae" in run("dvc", "dag", "--dot")


def plan_in_lock(clone: Path, stage: str) -> str:
    """The hash of the plan that a stage was run with."""
    (found,) = (dep["md5"] for dep in locked(clone, stage)["deps"] if dep["path"] == f"plan/{stage}.json")
    return str(found)


def change(name: str, old: str, new: str) -> None:
    """Edit a source file."""
    path = Path("src/latentlab") / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("storage/npz.py", '"""Write named arrays, uncompressed."""', '"""Write."""  # arrays', set()),
        ("figures/losses.py", "digest[:27]", "digest[1:28]", each("plot")),
        ("models/vae.py", "gaussian_code(x,", "gaussian_code( x + 0,", {"train@vae"}),
        ("training/losses.py", "1e-7", "1e-6", each("train")),
        (
            "config/params.py",
            "images: Size | None = None",
            "images: Size | None = None\n    off: Size | None = None",
            set(),
        ),
    ],
)
def test_an_edit_reruns_what_it_can_affect(name: str, old: str, new: str, expected: set[str]) -> None:
    change(name, old, new)
    assert stages_in(run("dvc", "repro", "plan")) == {"plan"}
    status = json.loads(run("dvc", "status", "--json"))
    waiting = {stage.removeprefix("dvc.yaml:") for stage in status if status[stage] != ["always changed"]}
    assert waiting == (expected and expected | {"compare", "report", "track"})


@pytest.mark.usefixtures("edit")
def test_new_pictures_of_the_same_models_train_nothing(clone: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (clone / "models").rglob("*.*")}
    change("figures/losses.py", "digest[:27]", "digest[1:28]")
    assert stages_in(run("dvc", "repro")) == {
        "plan",
        *each("plot"),
        "compare",
        "report",
        "track",
    }  # whose keys are others
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize("command", [["dvc", "repro"], ["latentlab", "reproduce"]], ids=" ".join)
def test_what_is_edited_during_a_training_is_not_recorded_as_used(clone: Path, command: list[str]) -> None:
    epochs = 500 + len(command[0])  # not one that the run cache has
    replace("simple: {model: dense, units: [32], epochs: 2", f"simple: {{model: dense, units: [32], epochs: {epochs}")
    environment = os.environ | {"LATENTLAB_CHECKPOINT_SECONDS": "0"}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (clone / paths.checkpoint("simple")).exists():
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    plan = paths.plan("train@simple").read_bytes()
    replace(f"epochs: {epochs}", "epochs: 3")
    change("models/dense.py", "xla=True", "xla=not False")
    change("networks/codes.py", "REACH = 3.0", "REACH = 2.5")
    out, err = first.communicate()
    done = subprocess.CompletedProcess(command, first.returncode, out, err)
    assert paths.plan("train@simple").read_bytes() == plan
    assert len(read_csv(paths.history("simple"))["epoch"]) == epochs  # what it began with
    assert plan_in_lock(clone, "train@simple") == md5(paths.plan("train@simple"))
    line = "error: src/latentlab/networks/codes.py changed since `plan`; run again"
    assert first.returncode != 0
    assert line in said(done)
    assert "Traceback" not in out + err
    again = run(*command)
    assert f"train@simple: epochs {epochs} -> 3, models/dense.py" in again
    assert len(read_csv(paths.history("simple"))["epoch"]) == 3
    assert plan_in_lock(clone, "train@simple") == md5(paths.plan("train@simple"))
    status = json.loads(run("dvc", "status", "--json"))
    assert [stage for stage in status if status[stage] != ["always changed"]] == []


@pytest.mark.usefixtures("edit")
def test_a_variant_that_is_gone_leaves_nothing_and_comes_back(clone: Path) -> None:
    lock, names = (clone / "dvc.lock").read_text(), {"train@simple", "plot@simple"}
    files = {
        path for name in ("data", "models", "plots", "metrics", "plan") for path in (clone / name).rglob("*simple*")
    }
    assert len(files) >= 11
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(re.sub("  simple: .*\n", "", text))
    assert stages_in(run("dvc", "repro")) == {"plan", "compare", "report", "track"}
    assert [path for path in files if path.exists()] == []
    assert not any(name in (clone / "dvc.lock").read_text() for name in names)
    assert "simple" not in run("dvc", "metrics", "show")
    Path("params.yaml").write_text(text)
    assert reproduce(jobs=2) == 1  # track; all else comes from the run cache
    assert (clone / "dvc.lock").read_text() == lock


def test_a_stage_runs_the_source_of_the_project_that_it_is_in(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PYTHONPATH this environment's package is another one."""
    monkeypatch.delenv("PYTHONPATH")
    change("stages/plan.py", 'return f"plan: ', 'return f"this very plan: ')
    try:
        for folder in (clone, clone / "docs"):
            done = subprocess.run(
                [sys.executable, "-m", "latentlab.stages.plan"], cwd=folder, capture_output=True, text=True
            )
            assert done.stdout.startswith("this very plan: ") == (folder == clone), done.stderr
            assert ("params.yaml: no such file" in done.stderr) == (folder != clone)
    finally:
        run("git", "checkout", "-q", "--", "src")
