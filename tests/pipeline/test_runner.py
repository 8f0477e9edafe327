"""The pipeline under DVC: a copy of the project with a study of two variants."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.runner import reproduce
from tests.conftest import commit, make_clone, replace, run

pytestmark = pytest.mark.slow

EACH = ("train", "extract", "tsne", "evaluate", "plot")
WHOLE = 1 + 2 * len(EACH) + 2  # prepare, two variants, compare, track
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


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone with two variants, run and committed."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple", "vae"])
        assert reproduce(jobs=2) == WHOLE
        commit("results")
        yield root


@pytest.fixture
def edit(clone: Path) -> Iterator[None]:
    """Whatever a test does to params.yaml is taken back; results come from the run cache."""
    before = (clone / "params.yaml").read_text()
    yield
    (clone / "params.yaml").write_text(before)
    reproduce(jobs=2)


def test_results_are_there_and_nothing_is_left_to_do(clone: Path) -> None:
    assert {path.stem for path in (clone / "metrics/tiny").iterdir()} == {"simple", "vae"}
    assert (clone / "plots/tiny/compare/metrics.png").exists()
    assert (clone / "mlflow.db").exists()
    assert run("latentlab", "track").startswith("nothing to do, ")
    lock = (clone / "dvc.lock").read_bytes()
    start = time.perf_counter()
    assert "Data and pipelines are up to date." in run("dvc", "repro")
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
    assert reproduce(jobs=2) == 2 * len(EACH) + 2  # compare and track too
    assert paths.encoder("simple").stat().st_mtime_ns > before["simple"]
    assert paths.encoder("vae").stat().st_mtime_ns == before["vae"]
    assert json.loads(paths.metrics("tiny", "mine").read_text())["latent"]["dim"] == 4
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
    assert line in (done.stdout + done.stderr).splitlines()
    assert (contents(clone / "models/vae"), locked(clone, "train@vae")) == good
    assert paths.metrics("tiny", "simple").exists()
    assert not (clone / "checkpoints").exists()


def test_data_of_the_users_own_is_watched_and_downloads_are_not(clone: Path) -> None:
    try:
        (clone / "data/raw/mnist").mkdir()
        (clone / "data/raw/mnist/part").touch()
        (clone / "data/raw/train-images-idx3-ubyte.gz").touch()
        assert json.loads(run("dvc", "status", "--json", "prepare")) == {}
        (clone / "data/raw/own").mkdir()
        (clone / "data/raw/own/image.png").touch()
        assert json.loads(run("dvc", "status", "--json", "prepare"))["prepare"] == [
            {"changed deps": {"data/raw": "modified"}}
        ]
        assert run("git", "status", "--porcelain", "--", "data") == ""
    finally:
        shutil.rmtree(clone / "data/raw/mnist")
        shutil.rmtree(clone / "data/raw/own")
        (clone / "data/raw/train-images-idx3-ubyte.gz").unlink()


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
    assert metrics[""]["data"]["metrics/tiny/vae.json"]["data"]["vae"]["elbo"] < 0
    run("dvc", "plots", "show", "--out", "shown")
    page = Path("shown/index.html").read_text()
    assert "models/simple/history.csv" in page
    assert "tsne.png" in page
    assert "train@vae" in run("dvc", "dag", "--dot")
