"""Splits: stratified, disjoint, the same for the same seed."""

import numpy as np
import pytest

from latentlab import paths, prepare
from latentlab.artifacts import read_json, read_npz
from latentlab.errors import UserError
from latentlab.params import Prepare

IMAGES = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
LABELS = np.repeat(np.arange(4), 50)


def settings(images: int | None = None, validation: float = 0.1, test: float = 0.2) -> Prepare:
    return Prepare(dataset="mnist_5k", images=images, validation=validation, test=test)


@pytest.mark.parametrize("count", [None, 100])
def test_splits_are_disjoint_stratified_and_aligned(count: int | None) -> None:
    splits = prepare.split(IMAGES, LABELS, settings(count), seed=1)
    total = count or 200
    assert {name: len(part["index"]) for name, part in splits.items()} == {
        "train": 0.7 * total,
        "validation": 0.1 * total,
        "test": 0.2 * total,
    }
    rows = np.concatenate([part["index"] for part in splits.values()])
    assert len(set(rows.tolist())) == total
    for part in splits.values():
        assert (part["images"].ravel() == part["index"]).all()
        assert (part["labels"] == LABELS[part["index"]]).all()
        counts = np.bincount(part["labels"])
        assert counts.max() - counts.min() <= 1
        assert (np.diff(part["index"]) < 0).any()  # random order


def test_seed_decides() -> None:
    one, again, other = (prepare.split(IMAGES, LABELS, settings(), seed)["train"]["index"] for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_a_class_too_small_is_an_error() -> None:
    with pytest.raises(UserError, match=r"params\.yaml: prepare: cannot take 2 of 16 images for a split"):
        prepare.split(IMAGES[:20], np.arange(20) // 5, settings(), seed=1)


def test_more_images_than_there_are() -> None:
    with pytest.raises(UserError, match=r"prepare\.images: found 201, allowed: at most the dataset's 200"):
        prepare.split(IMAGES, LABELS, settings(201), seed=1)


@pytest.mark.usefixtures("project")
def test_stage_writes_splits_and_card_from_real_digits() -> None:
    assert prepare.main() == "prepare mnist_5k: images of 28x28x1: train 210, validation 30, test 60"
    first = {split: paths.prepared(split).read_bytes() for split in ("train", "validation", "test")}
    card = read_json(paths.CARD)
    assert card["image_shape"] == [28, 28, 1]
    assert card["value_range"] == [0, 255]
    assert card["splits"]["test"] == {"images": 60, "classes": {str(digit): 6 for digit in range(10)}}
    test = read_npz(paths.prepared("test"))
    assert test["images"].dtype == np.uint8
    assert 25 < test["images"].mean() < 45  # ink of real digits
    prepare.main()
    assert first == {split: paths.prepared(split).read_bytes() for split in first}
