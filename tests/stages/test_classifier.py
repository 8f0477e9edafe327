"""The classifier and what its features say: on the quick study's digits, and on data from which nothing is learnt."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentlab.config import params, paths
from latentlab.metrics.noise import at_levels
from latentlab.networks.apply import outputs
from latentlab.stages import classifier, extract, plan
from latentlab.stages._use_metrics import Numbers, likeness_metrics
from latentlab.stages.train import build
from latentlab.storage.json import read_json
from latentlab.storage.keras import read_keras
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz, write_npz
from tests.conftest import ROOT, prepare_study

FOLDER = Path("data/classifier")


def write_splits(images: Array, labels: Array | None) -> None:
    """The same for training, validation and test; and plans, of the parameters that there are."""
    plan.main()
    arrays = {"images": images, "index": np.arange(len(images))} | ({} if labels is None else {"labels": labels})
    for split in ("train", "validation", "test"):
        write_npz(paths.prepared(split), arrays)


@pytest.mark.parametrize("labels", [None, np.full(20, 4)], ids=["no labels", "one class"])
def test_where_there_are_no_two_classes_there_is_nothing_to_learn(labels: Array | None, project: Path) -> None:
    images = np.zeros((20, 6, 6, 1), np.uint8)
    write_splits(images, labels)
    assert classifier.main() == "classifier: nothing to learn, as there are no labels of two classes or more"
    assert [path.name for path in FOLDER.iterdir()] == ["test.npz"]
    assert read_npz(paths.CLASSIFIED) == {}
    assert extract.random_features(images) == {}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(9, 14, 3), (2, 2, 3)])
def test_colour_images_of_classes_with_any_numbers(
    shape: tuple[int, ...], tiny: dict[str, Any], write_params: Any
) -> None:
    write_params(tiny | {"classifier": {"epochs": 20, "batch_size": 16}})
    labels = np.array([3, 7, 100])[np.arange(120) % 3]
    images = np.random.default_rng(0).integers(0, 100, (120, *shape)).astype(np.uint8)
    for number, label in enumerate((3, 7, 100)):
        images[labels == label, :, :, number] += 100
    write_splits(images, labels)
    assert classifier.main() == "classifier: 3 classes, test accuracy 1.000"
    found = read_npz(paths.CLASSIFIED)
    assert (found["predictions"] == labels).all()
    assert extract.random_features(images / np.float32(255))["random_features"].shape == (120, 64)
    assert read_json(paths.CLASSIFIER_TRAINING)["epochs"] == 20


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 255])
def test_images_that_are_all_the_same_give_numbers(value: int, project: Path) -> None:
    images = np.full((30, 7, 7, 1), value, np.uint8)
    write_splits(images, np.arange(30) % 3)
    classifier.main()
    assert read_json(paths.CLASSIFIER_TRAINING)["test_accuracy"] == pytest.approx(1 / 3, rel=1e-5)
    features = read_npz(paths.CLASSIFIED)["features"]
    assert np.isfinite(features).all()
    assert likeness_metrics(features, features)["frechet"] == 0


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The quick study's digits with their classifier; the process stays in the study's folder."""
    root = tmp_path_factory.mktemp("digits")
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare_study()
        classifier.main()
        yield root


@pytest.mark.slow
def test_it_knows_digits(digits: Path) -> None:
    found, test = read_npz(paths.CLASSIFIED), read_npz(paths.prepared("test"))
    accuracy = (found["predictions"] == test["labels"]).mean()
    about = read_json(paths.CLASSIFIER_TRAINING)
    assert accuracy > 0.96
    assert about["test_accuracy"] == pytest.approx(accuracy, rel=1e-5)
    assert about["validation_accuracy"] > 0.95
    assert about["parameters"] == 44_322
    features, logits = outputs(read_keras(paths.CLASSIFIER), test["images"])
    np.testing.assert_array_equal(features, found["features"])
    np.testing.assert_array_equal(logits.argmax(axis=1), found["predictions"])


@pytest.mark.slow
def test_twice_gives_the_same_bytes(digits: Path) -> None:
    before = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert set(before) == {"classifier.keras", "test.npz", "training.json"}
    classifier.main()
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == before


@pytest.mark.slow
def test_real_images_are_more_like_others_than_worse_ones_are(digits: Path) -> None:
    images, features = read_npz(paths.prepared("test"))["images"], read_npz(paths.CLASSIFIED)["features"]
    real, others = features[:500], images[500:]
    untrained = build(params.load().variant("simple"), images.shape[1:]).decoder
    codes = np.random.default_rng(0).standard_normal((500, 32)).astype(np.float32)
    noisy = at_levels(others, (0.2, 0.4, 0.8), 0)
    kinds = {
        "real": others,
        **{f"noise of {level}": found for level, found in noisy.items()},
        "uniform noise": np.random.default_rng(1).integers(0, 256, others.shape).astype(np.uint8),
        "untrained decoder": np.asarray(untrained.predict(codes, verbose=0)),
        "one image": np.repeat(others[:1], 500, axis=0),
    }
    model = read_keras(paths.CLASSIFIER)
    found: dict[str, Numbers] = {kind: likeness_metrics(real, outputs(model, each)[0]) for kind, each in kinds.items()}
    best = found.pop("real")
    assert min(best["precision"], best["recall"], best["density"], best["coverage"]) > 0.8
    for kind, numbers in found.items():
        assert numbers["frechet"] > 2 * best["frechet"], kind
        assert numbers["coverage"] < best["coverage"], kind
    assert found["one image"]["precision"] == 1 > 0.1 > found["one image"]["recall"]
    distances = [found[f"noise of {level}"]["frechet"] for level in noisy]
    assert distances == sorted(distances)
    for kind in ("uniform noise", "untrained decoder"):
        assert found[kind]["coverage"] < 0.1
