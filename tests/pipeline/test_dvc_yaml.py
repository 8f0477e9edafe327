"""dvc.yaml against the stages: each is its module, depends on its plan, and reads what it lists."""

import ast
from pathlib import Path
from typing import Any

import pytest

from latentlab.pipeline.code import PACKAGE, code_of
from latentlab.pipeline.libraries import LIBRARIES
from latentlab.storage.yaml import read_yaml
from tests.conftest import ROOT

STAGES: dict[str, Any] = read_yaml(ROOT / "dvc.yaml")["stages"]
PLANNED = [stage for stage in STAGES if stage not in ("plan", "track")]


def body(stage: str) -> dict[str, Any]:
    block: dict[str, Any] = STAGES[stage]
    return block.get("do", block)  # type: ignore[no-any-return]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, inside its functions and for types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_its_module(stage: str) -> None:
    each_variant = " ${key}" if "foreach" in STAGES[stage] else ""
    assert body(stage)["cmd"] == f"python -m latentlab.stages.{stage}{each_variant}"
    assert (PACKAGE / f"stages/{stage}.py").exists()


@pytest.mark.parametrize("stage", PLANNED)
def test_a_stage_depends_on_its_plan_and_on_no_source_or_parameter(stage: str) -> None:
    name = f"{stage}@${{key}}" if "foreach" in STAGES[stage] else stage
    assert body(stage)["deps"][0] == f"plan/{name}.json"
    assert "params" not in body(stage)
    assert not [path for path in body(stage)["deps"] if path.startswith("src/") or path == "requirements.lock"]


def test_it_is_short_enough_to_read() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 160


def test_only_later_stages_see_the_test_split() -> None:
    paths = {"data/prepared/test.npz", "data/prepared", "data"}
    seeing = {stage for stage in STAGES if paths & {*body(stage).get("deps", [])}}
    assert seeing == {"classifier", "references", "extract", "evaluate", "plot", "compare", "report", "track"}


# what a distribution is called when it is imported
MODULES = {"scikit-learn": "sklearn", "scikit-image": "skimage", "pillow": "PIL", "opentsne": "openTSNE"}
INDIRECT = {  # used below what is imported
    "classifier": {"ml_dtypes"},
    "references": set(),
    "train": {"ml_dtypes"},
    "extract": {"ml_dtypes"},
    "prepare": {"pillow", "scipy"},
    "tsne": {"scipy"},
    "evaluate": {"scipy"},
    "plot": {"pillow"},
    "compare": {"pillow"},
    "report": {"markupsafe", "scipy"},
    "track": set(),
}


def libraries_in(*roots: str) -> set[str]:
    """What the Python files import that modules reach."""
    files = [file for file in code_of(roots) if file.endswith(".py")]
    return {name.split(".")[0] for file in files for name in imports(ROOT / file)}


@pytest.mark.parametrize("stage", PLANNED)
def test_libraries_of_a_stage_are_those_that_its_code_imports(stage: str) -> None:
    imported = libraries_in(f"stages/{stage}", *(["models/conv"] if stage == "train" else []))
    used = {library for names in LIBRARIES.values() for library in names if MODULES.get(library, library) in imported}
    assert set(LIBRARIES[stage]) == used | INDIRECT[stage]


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("tensorflow", {"classifier", "train", "extract"}),
        ("sklearn", {"prepare", "references", "extract", "tsne", "evaluate", "plot", "report"}),
        ("matplotlib", {"prepare", "plot", "compare", "report"}),
    ],
)
def test_heavy_libraries_are_imported_where_they_are_used(library: str, users: set[str]) -> None:
    found = set()
    for stage in STAGES:
        if library in libraries_in(f"stages/{stage}"):
            found.add(stage)
    assert found == users
