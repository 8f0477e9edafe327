"""The README says what is so."""

import json
import re
from pathlib import Path

import pytest

from latentlab.config import paths
from latentlab.config.replicates import replicates
from latentlab.tables import table
from latentlab.tables.columns import by_tracked_name
from latentlab.tables.rows import Row, markdown, row
from tests.conftest import ROOT, committed_params, git, in_git

README = (ROOT / "README.md").read_text()


STUDIES = [  # whose results are in git
    Path(),
    *(Path("studies") / name for name in ("fashion_guide", "keras_blog", "lessons", "lessons_seen", "one_class")),
]


def metrics_of(study: Path) -> dict[str, table.Metrics]:
    variants = committed_params(study).variants
    return {variant: json.loads(in_git(study / paths.metrics(variant))) for variant in variants}


def rows_of(study: Path) -> list[Row]:
    references = json.loads(in_git(study / paths.REFERENCES))
    variants = table.rows(metrics_of(study), replicates(committed_params(study).variants))
    return [*variants, *(row(name, [by_tracked_name(blocks)]) for name, blocks in references.items())]


@pytest.fixture(scope="module")
def quick() -> dict[str, table.Metrics]:
    return metrics_of(Path())


@pytest.mark.parametrize("study", STUDIES, ids=str)
def test_the_page_of_tables_is_the_committed_metrics(study: Path) -> None:
    page = in_git(study / paths.TABLES)
    for title, shown, columns in table.shown(rows_of(study)):
        assert f"## {title.capitalize()}\n\n{markdown(shown, table.FIRST, columns)}\n" in page


def test_every_committed_variant_beats_the_mean_image_and_wide_codes_know_their_class(
    quick: dict[str, table.Metrics],
) -> None:
    for variant, metrics in quick.items():
        if "reconstruction" in metrics:
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
    entries = [re.split(r"\s{2,}", line)[0] for line in tree if not line.startswith(" ")]
    named = {name for entry in entries for name in entry.split(", ")}
    # what stages and commands write is ignored by git, and not there in a fresh clone
    ignored = set(git("-C", str(ROOT), "check-ignore", "--no-index", *named).splitlines())
    assert [name for name in named - ignored if not (ROOT / name).exists()] == []
    inner = {line.split()[0] for line in tree if line.startswith("  ")}
    package = ROOT / "src/latentlab"
    there = {f"{path.name}/" if path.is_dir() else path.name for path in package.iterdir()}
    assert inner == there - {"__init__.py", "__pycache__/"}
