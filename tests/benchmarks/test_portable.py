"""The comparison under emulated CPUs prepares a study and finds what differs."""

from pathlib import Path

import pytest

from benchmarks import portable
from latentlab.config import params
from tests.conftest import ROOT


def test_every_variant_that_trains_has_two_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = portable._study(tmp_path / "study")
    variants = params.load(study / "params.yaml").variants
    assert {each.training.epochs for each in variants.values() if each.trains} == {portable.EPOCHS}
    assert list(variants) == portable.all_variants()
    assert (study / "plan" / "train@pca.json").exists()


def test_files_that_differ_or_are_missing_are_named(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name / "plan").mkdir(parents=True)
        (tmp_path / name / "plan" / "of.json").write_text(name)  # plans are not results
        (tmp_path / name / "same").write_text("same")
        (tmp_path / name / "other").write_text(f"the {name}")
    (tmp_path / "theirs" / "more").touch()
    assert list(portable.differences("a CPU", tmp_path / "ours", tmp_path / "theirs")) == [
        "a CPU: more: not made here",
        "a CPU: other: differs from byte 4 on",
    ]
