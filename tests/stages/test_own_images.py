"""The user's own images through the whole of a study: in colour, not square, with labels and without."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from latentlab.config import params, paths
from latentlab.stages import train
from latentlab.storage.json import read_json
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.tables import table
from tests.conftest import ROOT, build_without_xla, draw_once, run_stages

pytestmark = pytest.mark.slow

VARIANTS = list(params.load(ROOT / "studies/tiny/params.yaml").variants)
WITHOUT_LABELS = ["simple", "vae_conv", "pca", "raw"]  # one of each kind
CASES = [(True, variant) for variant in VARIANTS] + [(False, variant) for variant in WITHOUT_LABELS]
LABEL_METRICS = {("latent", "knn_accuracy"), ("latent", "linear_probe_accuracy"), ("tsne", "knn_accuracy")}
LABEL_METRICS |= {("latent", "silhouette"), ("tsne", "neighbourhood_hit")}
LABEL_METRICS |= {("retrieval", "precision_at_10"), ("retrieval", "mean_average_precision")}
LIKENESS = {("generation", name) for name in ("frechet", "precision", "recall", "density", "coverage")}


def paint(folder: Path, classes: tuple[str, ...]) -> None:
    """60 coloured images of 24x32 pixels; each class has a colour of its own."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for row in range(60 // len(classes)):
            image = rng.integers(0, 60, (24, 32, 3), np.uint8)
            top, left = rng.integers(0, 12, 2)
            image[top : top + 10, left : left + 15, number % 3] += 180
            Image.fromarray(image).save(folder / name / f"{row}.png")


def run_study(root: Path, classes: tuple[str, ...], variants: list[str], models: Path | None = None) -> None:
    """Variants of the tiny study on such images, in `root`; with `models` that were trained elsewhere, if given."""
    study = YAML(typ="safe", pure=True).load(ROOT / "studies/tiny/params.yaml")
    study["prepare"] = {"dataset": "images", "path": "data/raw/own", "validation": 0.2, "test": 0.3}
    study["tsne"] = {"perplexity": 3, "points": 1000}
    study["variants"] = {name: study["variants"][name] for name in variants}
    for entry in study["variants"].values():
        entry |= {"epochs": 1} if "epochs" in entry else {}
    study["variants"]["pca"]["units"] = 8
    paint(root / "data/raw/own", classes)
    YAML(typ="safe", pure=True).dump(study, root / "params.yaml")
    if models:
        for variant in variants:
            shutil.copytree(models / variant, root / "models" / variant)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(train, "build", build_without_xla)
        draw_once(patch)
        run_stages(variants, trained=models is not None)


@pytest.fixture(scope="module")
def with_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose images have classes, run."""
    root = tmp_path_factory.mktemp("classes")
    run_study(root, ("red", "green", "blue"), VARIANTS)
    return root


@pytest.fixture(scope="module")
def without_labels(with_classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images in one folder. Training never sees labels, so it is shared."""
    root = tmp_path_factory.mktemp("flat")
    run_study(root, ("",), WITHOUT_LABELS, with_classes / "models")
    return root


@pytest.fixture
def labelled(
    request: pytest.FixtureRequest, with_classes: Path, without_labels: Path, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Whether the images of the study that the process is in have labels."""
    monkeypatch.chdir(with_classes if request.param else without_labels)
    return bool(request.param)


each = pytest.mark.parametrize(("labelled", "variant"), CASES, indirect=["labelled"])


@each
def test_every_variant_gives_images_back_in_colour(variant: str, labelled: bool) -> None:
    test = read_npz(paths.prepared("test"))["images"]
    assert test.shape[1:] == (24, 32, 3)
    decoded = read_npz(paths.decoded(variant))
    if variant == "raw":
        assert decoded == {}
        return
    assert decoded["reconstructions"].shape == test.shape
    assert decoded["random"].shape == (100, 24, 32, 3)


@each
def test_metrics_that_need_labels_are_absent_without_them(variant: str, labelled: bool) -> None:
    metrics = read_json(paths.metrics(variant))
    found = {(group, name) for group, values in metrics.items() for name in values}
    expected = LABEL_METRICS | (LIKENESS if variant != "raw" else set())
    assert found & (LABEL_METRICS | LIKENESS) == (expected if labelled else set())
    always = {("tsne", "trustworthiness"), ("latent", "active_units")}
    assert always | ({("reconstruction", "bce")} if variant != "raw" else set()) <= found


@each
def test_features_and_embedding_say_whether_there_are_labels(variant: str, labelled: bool) -> None:
    for path in (paths.latents(variant), paths.embedding(variant)):
        content: dict[str, Any] = read_pickle(path)
        assert (content["labels"] is not None) == labelled
        assert len(content["features"]) == len(content["index"])


@each
def test_pictures(variant: str, labelled: bool) -> None:
    names = {path.stem for path in paths.plots(variant).glob("*.png")}
    learnt = set() if variant == "raw" else {"reconstructions", "random_codes", "denoising"}
    assert {"codes", "tsne", "retrieval"} | learnt <= names


@pytest.mark.parametrize("labelled", [True, False], indirect=True)
def test_table_and_comparison(labelled: bool) -> None:
    variants = VARIANTS if labelled else WITHOUT_LABELS
    rows = table.rows(table.read(variants), {variant: (variant,) for variant in variants})
    assert [("latent/knn_accuracy" in row.means) for row in rows] == [labelled] * len(variants)
    names = {f"{name}.{kind}" for name in ("metrics", "reconstructions", "denoising") for kind in ("png", "svg")}
    assert {path.name for path in paths.comparison().iterdir()} == names
    assert paths.contact_sheet().exists()
