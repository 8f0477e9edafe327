"""The README says what is so."""

import re

import pytest

from latentlab.config import params
from latentlab.report import table
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_the_table_is_the_committed_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    quick = params.load(ROOT / "studies/quick.yaml")
    assert table.markdown(table.read("quick", quick.variants)) in README


def test_every_committed_variant_beats_the_mean_image_and_wide_codes_know_their_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    quick = params.load(ROOT / "studies/quick.yaml")
    for variant, metrics in table.read("quick", quick.variants).items():
        assert metrics["reconstruction"]["bce"] < metrics["reconstruction"]["mean_image_bce"], variant
        if metrics["latent"]["dim"] >= 32:
            assert metrics["latent"]["knn_accuracy"] >= 0.85, variant


def test_every_make_target_and_picture_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.MULTILINE)
    assert len(targets) >= 3
    for target in map("".join, targets):
        assert f"\n{target}:" in makefile, target
    for picture in re.findall(r"docs/images/[\w.]+", README):
        assert (ROOT / picture).exists(), picture


def test_the_tree_is_the_source() -> None:
    tree = README.partition("## What is where")[2].split("```")[1].splitlines()[1:]
    named = {line.split()[0] for line in tree if not line.startswith(" ") and "," not in line.split()[0]}
    assert [name for name in named if not (ROOT / name).exists()] == []
    inner = {line.split()[0] for line in tree if line.startswith("  ")}
    package = ROOT / "src/latentlab"
    modules = {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert inner == modules | folders
