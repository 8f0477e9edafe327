"""Variants that learn from some classes, that have a seed of their own, and baselines, through their stages."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.metrics.reconstruction import bce
from latentlab.pipeline.inputs import planned
from latentlab.stages import classifier, compare, evaluate, extract, plot, references, train, tsne
from latentlab.storage.json import read_json
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from tests.conftest import ROOT, draw_once, prepare_study, write_tiny

pytestmark = pytest.mark.slow

VARIANTS: dict[str, dict[str, Any]] = {
    "simple": {"model": "dense", "units": [8], "epochs": 2, "batch_size": 32},
    "simple_2": {"like": "simple", "seed": 43},
    "some": {"like": "simple", "classes": [3, "5"]},
    "pca": {"model": "pca", "units": 8, "classes": [3]},
    "raw": {"model": "raw"},
}
PUBLISHED = """
- {variant: simple, metric: reconstruction.mse, value: 0.5, source: nobody}
- {row: another, metric: anomaly.auroc, value: 0.25, source: nobody}
"""


@pytest.fixture(scope="module", autouse=True)
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The variants above, of 300 digits; the process stays in the study's folder."""
    root = tmp_path_factory.mktemp("learning")
    write_tiny(root, VARIANTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        paths.PUBLISHED.write_text(PUBLISHED)
        draw_once(patch)
        prepare_study()
        classifier.main()
        for variant in VARIANTS:
            for stage in (train, extract, tsne, evaluate, plot):
                assert variant in stage.main(variant)
        references.main()
        compare.main()
        yield root


def test_another_seed_is_another_training_on_the_same_images() -> None:
    first, second = (read_json(paths.training(name)) for name in ("simple", "simple_2"))
    assert first["data"] == second["data"]
    assert first["loss"] != second["loss"]
    assert first["parameters"] == second["parameters"]
    features = [read_pickle(paths.latents(name)) for name in ("simple", "simple_2")]
    assert (features[0]["index"] == features[1]["index"]).all()


def test_the_page_has_seeds_baselines_references_and_published_values() -> None:
    text = paths.TABLES.read_text()
    main, uses, beside, foot = text.split("\n## ")[1:]
    assert "| simple | 2 |" in main
    assert "| mean_image | 1 |" in main
    assert all(f"| {name} |" in uses for name in ("noisy", "median", "png", "jpeg", "ocsvm"))
    assert "| simple_2 |" not in main + uses
    mse = [read_json(paths.metrics(name))["reconstruction"]["mse"] for name in ("simple", "simple_2")]
    assert f"| simple | reconstruction.mse | {np.mean(mse):.4g} ± " in beside
    assert f"(2 seeds) | 0.5 | {np.mean(mse) - 0.5:+.4g} |  |  | nobody |" in beside
    assert "| mean_image | reconstruction.mse |" in beside
    assert "| another | anomaly.auroc |  | 0.25 |  |" in beside
    assert "| ocsvm | anomaly.auroc |" in beside
    assert read_json(paths.metrics("simple"))["training"]["numerics"] in foot
    assert f"- simple_2: `{planned('simple_2').key[:12]}`" in foot
    compare.main()
    assert paths.TABLES.read_text() == text


def test_reconstruction_is_measured_on_the_classes_that_were_learnt() -> None:
    splits = {split: read_npz(paths.prepared(split)) for split in ("train", "test")}
    rows = np.isin(splits["test"]["labels"], [3, 5])
    images = splits["test"]["images"][rows] / 255
    decoded = read_npz(paths.decoded("some"))["reconstructions"]
    assert len(decoded) == len(rows) > rows.sum() > 0
    mean_image = (splits["train"]["images"][np.isin(splits["train"]["labels"], [3, 5])] / 255).mean(0)
    found = read_json(paths.metrics("some"))
    learnt = splits["train"]["images"][np.isin(splits["train"]["labels"], [3, 5])]
    expected = evaluate.reconstruction_metrics(images, decoded[rows], learnt, 60)
    assert found["reconstruction"] == pytest.approx(expected, rel=1e-5)
    assert expected["mean_image_bce"] == pytest.approx(bce(images, np.broadcast_to(mean_image, images.shape)))
    assert found["latent"]["knn_accuracy"] > 0  # of all classes


def test_what_learns_from_one_class_reconstructs_it_best() -> None:
    test = read_npz(paths.prepared("test"))
    errors = ((read_npz(paths.decoded("pca"))["reconstructions"] - test["images"] / 255) ** 2).mean(axis=(1, 2, 3))
    assert errors[test["labels"] == 3].mean() < 0.6 * errors[test["labels"] != 3].mean()


def test_random_codes_are_of_what_was_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    real: Callable[..., Any] = extract.generate

    def generate(autoencoder: Any, train_codes: Any, count: int, seed: int) -> Any:
        given.append(train_codes)
        return real(autoencoder, train_codes, count, seed)

    monkeypatch.setattr(extract, "generate", generate)
    extract.main("some")
    assert len(given[0]) == np.isin(read_npz(paths.prepared("train"))["labels"], [3, 5]).sum()


def test_pixels_reconstruct_nothing_and_are_left_out_of_pictures_of_it() -> None:
    assert read_npz(paths.decoded("raw")) == {}
    assert {path.stem for path in paths.plots("raw").iterdir()} == {"codes", "tsne", "retrieval"}
    assert {path.stem for path in paths.comparison().iterdir()} == {"metrics", "reconstructions", "denoising"}


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"classes": ["3", 11]}, "variants.wrong.classes: found 11, allowed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, or their"),
        (
            {"model": "pca", "units": 300},
            "variants.wrong.units: found 300, allowed: at most 210, for 210 images of 784",
        ),
    ],
)
def test_what_the_data_cannot_give_is_one_line(entry: dict[str, Any], line: str, study: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    text = (study / "params.yaml").read_text()
    whole = entry if "model" in entry else VARIANTS["simple"] | entry
    try:
        yaml.dump(yaml.load(text) | {"variants": VARIANTS | {"wrong": whole}}, study / "params.yaml")
        prepare_study()
        command = [sys.executable, "-m", "latentlab.stages.train", "wrong"]
        variables = dict(os.environ)
        if "classes" in entry:  # it must not have to wait for TensorFlow
            (study / "without/tensorflow").mkdir(parents=True)
            (study / "without/tensorflow/__init__.py").write_text("raise SystemExit('imported')")
            variables["PYTHONPATH"] = f"{study / 'without'}{os.pathsep}{ROOT / 'src'}"
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"error: params.yaml: {line}")
        assert not paths.encoder("wrong").exists()
    finally:
        (study / "params.yaml").write_text(text)
        prepare_study()
