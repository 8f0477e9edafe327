"""The README says what is so."""

import json
import re
from collections.abc import Iterable, Mapping

import pytest

from latentlab.config import paths
from latentlab.config.replicates import replicates
from latentlab.report import table
from latentlab.report.columns import by_tracked_name
from latentlab.report.rows import Row, markdown, row
from tests.conftest import ROOT, committed_params, git

README = (ROOT / "README.md").read_text()


def committed(variants: Iterable[str]) -> dict[str, table.Metrics]:
    """The metrics that git has, or is about to have: those in the folder may have been made on another CPU."""
    shown = {v: git("-C", str(ROOT), "show", f":{paths.metrics(v)}") for v in variants}
    return {variant: json.loads(text) for variant, text in shown.items()}


def of_references(found: Mapping[str, table.Metrics]) -> list[Row]:
    return [row(name, [by_tracked_name(blocks)]) for name, blocks in found.items()]


@pytest.fixture(scope="module")
def quick() -> dict[str, table.Metrics]:
    return committed(committed_params().variants)


@pytest.fixture(scope="module")
def rows(quick: dict[str, table.Metrics]) -> list[Row]:
    references = json.loads(git("-C", str(ROOT), "show", f":{paths.REFERENCES}"))
    return [*table.rows(quick, replicates(committed_params().variants)), *of_references(references)]


def test_the_table_is_the_committed_metrics(rows: list[Row]) -> None:
    main, _ = table.shown(rows)
    assert markdown(main.rows, table.FIRST, main.columns) in README


def test_the_page_of_tables_is_the_committed_metrics(rows: list[Row]) -> None:
    page = git("-C", str(ROOT), "show", f":{paths.TABLES}")
    for title, shown, columns in table.shown(rows):
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
