"""The README says what is so."""

import re

import pytest

from latentlab import params, results
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_the_table_is_the_committed_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    quick = params.load(ROOT / "studies/quick.yaml")
    assert results.markdown(results.read("quick", quick.variants)) in README


def test_every_committed_variant_beats_the_mean_image_and_wide_codes_know_their_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    quick = params.load(ROOT / "studies/quick.yaml")
    for variant, metrics in results.read("quick", quick.variants).items():
        assert metrics["reconstruction"]["bce"] < metrics["reconstruction"]["mean_image_bce"], variant
        if metrics["latent"]["dim"] >= 32:
            assert metrics["latent"]["knn_accuracy"] >= 0.85, variant


def test_every_make_target_and_picture_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile, target
    for picture in re.findall(r"docs/images/[\w.]+", README):
        assert (ROOT / picture).exists(), picture


def test_the_tree_names_what_is_there() -> None:
    _, _, tree = README.partition("## What is where")
    lines = re.findall(r"^(\S[^ ]*|  [a-z][^ ]*) .*", tree.partition("```")[2].partition("```")[0], re.MULTILINE)
    parent = ""
    for line in lines:
        name = line.strip()
        path = parent + name if line.startswith(" ") else name
        if not line.startswith(" "):
            parent = name
        if name not in {"data/", "models/", "plots/", "mlflow.db"} and not path.startswith(("data/", "mlartifacts")):
            assert (ROOT / path).exists(), path
    sources = {f"src/latentlab/{p.name}" for p in (ROOT / "src/latentlab").glob("*.py") if p.name != "__init__.py"}
    named = {f"src/latentlab/{name}" for name in re.findall(r"^  ([a-z_]+\.py) ", tree, re.MULTILINE)}
    assert sources == named
