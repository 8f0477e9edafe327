"""Table and picture of a sweep."""

import csv
from pathlib import Path
from statistics import stdev

import pytest
from PIL import Image

from latentlab.sweeps.axes import Axis
from latentlab.sweeps.experiment import Experiment
from latentlab.sweeps.results import VALIDATION, _lines, rows, write

AXES = [Axis("model", {"a": "a", "b": "b"}), Axis("latent_dim", {"2": 2, "32": 32})]
FOUND = [
    Experiment("vae", {"model": model, "latent_dim": dim}, seed, f"{model}{dim}-{seed}", "", "", "")
    for model in "ab"
    for dim in ("2", "32")
    for seed in (1, 2)
]
METRICS = {
    each.name: {
        "training": {"validation_bce": 0.1 * len(each.setting["latent_dim"]) + 0.01 * each.seed},
        "reconstruction": {"bce": 0.5 * each.seed},
    }
    for each in FOUND
}


def test_seeds_are_one_row_with_mean_and_deviation() -> None:
    found = rows(FOUND, METRICS)
    assert [each.name for each in found] == [
        "model=a, latent_dim=2", "model=a, latent_dim=32", "model=b, latent_dim=2", "model=b, latent_dim=32"
    ]  # fmt: skip
    assert [each.count for each in found] == [2] * 4
    assert found[1].means["training/validation_bce"] == pytest.approx(0.215)
    assert found[1].deviations["test/bce"] == pytest.approx(stdev([0.5, 1.0]))


def test_across_is_the_axis_of_numbers_and_the_other_one_makes_lines() -> None:
    across, lines = _lines(FOUND, rows(FOUND, METRICS), AXES, VALIDATION)
    assert across == "latent_dim"
    assert list(lines) == ["model=a", "model=b"]
    assert [point[0] for point in lines["model=a"]] == [2, 32]
    assert lines["model=a"][1][1] == pytest.approx(0.215)


def test_files_hold_every_number_of_what_is_there(tmp_path: Path) -> None:
    some = {name: METRICS[name] for name in list(METRICS)[:3]}
    files = write(tmp_path / "sweep", FOUND, some, AXES, VALIDATION, "study: a sweep")
    assert [file.name for file in files] == [
        "results.md", "results.csv", "training.validation_bce.png", "training.validation_bce.svg"
    ]  # fmt: skip
    assert "| model=a, latent_dim=2 | 2 | **0.1150 ± 0.0071** |" in files[0].read_text()
    table = list(csv.DictReader(files[1].read_text().splitlines()))
    assert [line["experiment"] for line in table] == ["a2-1", "a2-2", "a32-1"]
    assert [float(line["test/bce"]) for line in table] == [0.5, 1.0, 0.5]
    with Image.open(files[2]) as picture:
        assert picture.size[0] > 300
    before = [file.read_bytes() for file in files]
    again = write(tmp_path / "again", FOUND, some, AXES, VALIDATION, "study: a sweep")
    assert [file.read_bytes() for file in again] == before


def test_a_metric_that_no_experiment_has_has_no_picture(tmp_path: Path) -> None:
    metrics = {FOUND[0].name: {"reconstruction": {"bce": 0.5}}}
    files = write(tmp_path, FOUND, metrics, AXES, VALIDATION, "study: a sweep")
    assert [file.name for file in files] == ["results.md", "results.csv"]
