"""Which classes a variant learns from."""

import re
from pathlib import Path

import numpy as np
import pytest

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.sources.chosen import numbers, of_classes
from latentlab.storage.json import write_json

NAMES = {"0": "wren", "3": "robin", "12": "7"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [([3], [3]), (["robin"], [3]), (["robin", 3], [3]), ([12, 0], [0, 12]), (["7", "wren"], [0, 12])],
)
def test_names_and_numbers(wanted: list[int | str], expected: list[int]) -> None:
    assert numbers(wanted, NAMES, "one") == expected


@pytest.mark.parametrize("wanted", [[7], ["3"], ["Robin"], [3, 1], [-3]], ids=str)
def test_an_unknown_class_is_named(wanted: list[int | str]) -> None:
    line = f"params.yaml: variants.one.classes: found {wanted[-1]!r}, allowed: wren, robin, 7, or their numbers"
    with pytest.raises(UserError, match=re.escape(line)):
        numbers(wanted, NAMES, "one")


def test_without_labels_there_are_no_classes() -> None:
    with pytest.raises(UserError, match="found \\[3\\], but the dataset has no labels: remove the key"):
        numbers([3], {}, "one")


def test_rows_of_a_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(paths.CLASSES, NAMES)
    split = {"images": np.zeros((5, 3, 3, 1), np.uint8), "labels": np.array([12, 0, 3, 3, 0])}
    assert of_classes(split, None, "one").tolist() == [0, 1, 2, 3, 4]
    assert of_classes(split, ["robin", 12], "one").tolist() == [0, 2, 3]
