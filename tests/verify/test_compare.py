"""Two files of a kind: what differs most, where, and whether that is rounding."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentlab.numerics.tensorflow import import_tensorflow
from latentlab.storage.csv import write_csv
from latentlab.storage.json import write_json
from latentlab.storage.npz import write_npz
from latentlab.storage.pickle import write_pickle
from latentlab.verify.compare import Comparison, compare
from latentlab.verify.difference import largest, of_arrays, of_values
from tests.verify.changed_weights import change_weight

NAN = math.nan
ONES = np.ones((2, 3), np.float32)


def nudged(array: Any, by: float) -> Any:
    changed = array.copy()
    changed[1, 2] += by
    return changed


@pytest.mark.parametrize(
    ("old", "new", "place", "within"),
    [
        (ONES, nudged(ONES, 1e-6), "a[1, 2]", True),
        (ONES, nudged(ONES, 1e-3), "a[1, 2]", False),
        (100 * ONES, nudged(100 * ONES, 5e-4), "a[1, 2]", True),
        (0 * ONES, nudged(0 * ONES, 1e-6), "a[1, 2]", True),
        (ONES, nudged(ONES, NAN), "a[1, 2]", False),
        (ONES, nudged(ONES, math.inf), "a[1, 2]", False),
        (ONES, ONES[:1], "a", False),
        (ONES, ONES.astype(np.float64), "a", False),
        (np.array([1, 2], np.uint8), np.array([1, 255], np.uint8), "a[1]", False),
        (np.array([True, False]), np.array([True, True]), "a[1]", False),
        (np.array(["x", "y"]), np.array(["x", "z"]), "a[1]", False),
        (np.float32(1).reshape(()), np.float32(2).reshape(()), "a[]", False),
    ],
)
def test_arrays(old: Any, new: Any, place: str, within: bool) -> None:
    found = of_arrays("a", old, new)
    assert found is not None
    assert (found.place, found.within) == (place, within)


def test_what_is_not_a_number_is_the_same_in_the_same_place() -> None:
    assert of_arrays("a", nudged(ONES, NAN), nudged(ONES, NAN)) is None
    assert of_arrays("a", nudged(ONES, math.inf), nudged(ONES, math.inf)) is None
    assert of_arrays("a", np.empty(0), np.empty(0)) is None
    assert of_values("x", NAN, NAN) is None


@pytest.mark.parametrize(
    ("place", "old", "new", "within"),
    [
        ("reconstruction.bce", 0.1, 0.10005, True),
        ("reconstruction.bce", 0.1, 0.101, False),
        ("reconstruction.bce", 0.0, 0.0001, False),
        ("latent.knn_accuracy", 0.906, 0.903, True),
        ("latent.knn_accuracy", 0.906, 0.93, False),
        ("tsne.knn_accuracy", 0.847, 0.86, True),
        ("tsne.kl_divergence", 1.08, 1.10, True),
        ("training.epochs", 2, 3, False),
        ("training.variational", True, False, False),
        ("x", 1, True, False),
        ("x", "a", "b", False),
        ("x", None, 1.0, False),
        ("training.numerics", "native", "portable", True),
        ("device", "CPU", "none", True),
        ("data.data/prepared/train.npz", "0a", "0b", True),
        ("data.data/raw", "0a", "0b", False),
    ],
)
def test_values(place: str, old: Any, new: Any, within: bool) -> None:
    found = of_values(place, old, new)
    assert found is not None
    assert found.within is within
    assert found.words.startswith(f"{place} ")


def test_what_is_not_within_tolerance_is_larger_than_what_is() -> None:
    rounding, wrong = of_values("a.bce", 1.0, 1.0009), of_values("labels", 1, 2)
    assert rounding is not None
    assert wrong is not None
    assert largest([rounding, wrong]) == largest([wrong, rounding]) == wrong
    assert largest([]) is None


Write = Callable[[Path, Any], None]


def compared(folder: Path, name: str, write: Write, old: Any, new: Any) -> Comparison:
    for side, content in (("old", old), ("new", new)):
        write(folder / side / name, content)
    return compare(name, folder / "old" / name, folder / "new" / name)


MAP: Mapping[str, Any] = {"features": ONES, "embedding": ONES, "kl_divergence": 1.0, "labels": None, "shape": (2,)}


@pytest.mark.parametrize(
    ("name", "write", "old", "new", "place", "within"),
    [
        ("a.npz", write_npz, {"x": ONES, "y": ONES}, {"x": ONES, "y": nudged(ONES, 1)}, "y[1, 2]", False),
        ("a.npz", write_npz, {"x": ONES}, {"x": ONES, "y": ONES}, "y", False),
        ("a.pkl", write_pickle, MAP, {**MAP, "features": nudged(ONES, 1e-6)}, "features[1, 2]", True),
        ("a.pkl", write_pickle, MAP, {**MAP, "embedding": nudged(ONES, 9)}, "embedding[1, 2]", True),
        ("a.pkl", write_pickle, MAP, {**MAP, "embedding": ONES[:1]}, "embedding", False),
        (
            *("a.pkl", write_pickle, MAP),
            *({**MAP, "features": nudged(ONES, 1), "embedding": nudged(ONES, 9)}, "embedding[1, 2]", False),
        ),
        ("a.pkl", write_pickle, MAP, {**MAP, "labels": np.arange(2)}, "labels", False),
        ("a.json", write_json, {"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b.1", False),
        ("a.json", write_json, {"a": {"bce": 0.5}}, {"a": {}}, "a.bce", False),
        ("a.json", write_json, {"a": {"bce": 0.5}}, {"a": {"bce": 0.50001}}, "a.bce", True),
    ],
)
def test_files_of_values(tmp_path: Path, name: str, write: Write, old: Any, new: Any, place: str, within: bool) -> None:
    found = compared(tmp_path, name, write, old, new).difference
    assert (found.place, found.within) == (place, within)


def rows(*losses: float) -> list[dict[str, float]]:
    return [{"epoch": number, "loss": loss} for number, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("new", "epoch", "words", "within"),
    [
        (rows(0.5, 0.4, 0.2), 3, "loss of epoch 3 0.3 -> 0.2, 0.33 relative", False),
        (rows(0.5, 0.40001, 0.2), 2, "loss of epoch 3 0.3 -> 0.2, 0.33 relative", False),
        (rows(0.5, 0.40001, 0.3), 2, "loss of epoch 2 0.4 -> 0.40001, 2.5e-05 relative", True),
        (rows(0.5, 0.4), 3, "epochs 3 -> 2", False),
        (rows(0.6, 0.4), 1, "epochs 3 -> 2", False),
        ([{"epoch": 1, "bce": 0.5}], None, "columns epoch, loss -> epoch, bce", False),
    ],
)
def test_histories(tmp_path: Path, new: Any, epoch: int | None, words: str, within: bool) -> None:
    found = compared(tmp_path, "history.csv", write_csv, rows(0.5, 0.4, 0.3), new)
    assert (found.epoch, found.difference.words, found.difference.within) == (epoch, words, within)


@pytest.mark.parametrize(("levels", "within"), [(2, True), (3, False)])
def test_pictures(tmp_path: Path, levels: int, within: bool) -> None:
    def write(path: Path, pixels: Any) -> None:
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)

    black = np.zeros((4, 5, 3), np.uint8)
    other = black.copy()
    other[1, 2, 0] = levels
    found = compared(tmp_path, "a.png", write, black, other).difference
    assert (found.place, found.size, found.within) == ("pixel[1, 2, 0]", levels, within)
    assert compared(tmp_path, "a.png", write, black, black[:2]).difference.size == math.inf


@pytest.mark.slow
def test_models(tmp_path: Path) -> None:
    import_tensorflow()
    import keras

    from latentlab.storage.keras import write_keras

    def model(units: int) -> Any:
        images = keras.Input((3,), name="images")
        hidden = keras.layers.Dense(2, name="hidden")(images)
        return keras.Model(images, keras.layers.Dense(units, name="code")(hidden))

    old, new = tmp_path / "old.keras", tmp_path / "new.keras"
    write_keras(old, model(2))
    new.write_bytes(change_weight(old, 0.5))
    found = compare("encoder.keras", old, new)
    assert (found.layer, found.difference.place) in (
        ("hidden", "layer hidden, weight 0[0, 0]"),
        ("code", "layer code, weight 0[0, 0]"),
    )
    assert not found.difference.within
    new.write_bytes(change_weight(old, 0.0))  # packed in another way
    found = compare("encoder.keras", old, new)
    assert (found.layer, found.difference.within) == (None, True)
    write_keras(new, model(3))
    assert not compare("encoder.keras", old, new).difference.within


@pytest.mark.parametrize("name", ["a.npz", "a.pkl", "a.json", "a.csv", "a.keras", "a.png", "a.txt"])
@pytest.mark.parametrize("there", [True, False])
def test_what_cannot_be_read_differs(tmp_path: Path, name: str, there: bool) -> None:
    (tmp_path / "old").write_bytes(b"\x00")
    if there:
        (tmp_path / "new").write_bytes(b"\x01")
    found = compare(name, tmp_path / "old", tmp_path / "new").difference
    assert not found.within
    assert "\n" not in found.words
