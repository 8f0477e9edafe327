"""dvc.yaml against the source: a stage depends on the files that it imports, no more and no fewer."""

import ast
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from latentlab.config import plugins
from tests.conftest import ROOT

SRC = ROOT / "src"
STAGES: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
MODEL, DATASET = "src/latentlab/models/${item.model}.py", "src/latentlab/datasets/${prepare.dataset}.py"


def body(stage: str) -> dict[str, Any]:
    block: dict[str, Any] = STAGES[stage]
    return block.get("do", block)  # type: ignore[no-any-return]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, inside its functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def closure(*names: str) -> set[str]:
    """Source files that these modules import, directly or not; packages' own docstring-only files aside."""
    seen: set[str] = set()
    todo = [f"latentlab.{name}" for name in names]
    while todo:
        path = SRC / (todo.pop().replace(".", "/") + ".py")
        relative = path.relative_to(ROOT).as_posix()
        if path.exists() and relative not in seen:
            seen.add(relative)
            todo += imports(path)
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_source_deps_are_the_import_closure(stage: str) -> None:
    modules = [f"stages.{stage}"]
    expected = set()
    if stage == "train":
        expected = {MODEL}
    if stage == "prepare":
        datasets = plugins.available("datasets")
        modules_of_them = {f"src/latentlab/datasets/{dataset}.py" for dataset in datasets}
        expected = {DATASET} | closure(*(f"datasets.{dataset}" for dataset in datasets)) - modules_of_them
    listed = {path for path in body(stage)["deps"] if path.startswith("src/")}
    if stage == "train":
        for model in plugins.available("models"):
            own = f"src/latentlab/models/{model}.py"
            assert closure(f"models.{model}") - {own} <= listed, f"{own} imports what train does not list"
        expected |= closure("networks.layers")
    if stage == "prepare":
        for dataset in plugins.available("datasets"):
            own = f"src/latentlab/datasets/{dataset}.py"
            assert closure(f"datasets.{dataset}") - {own} <= listed
    assert listed == closure(*modules) | expected


def test_packages_hold_only_a_docstring() -> None:
    for path in SRC.rglob("__init__.py"):
        (statement,) = ast.parse(path.read_text()).body
        assert isinstance(statement, ast.Expr), f"{path} is imported by stages that do not list it"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_command_is_its_module(stage: str) -> None:
    each_variant = " ${key}" if "foreach" in STAGES[stage] else ""
    assert body(stage)["cmd"] == f"python -m latentlab.stages.{stage}{each_variant}"


@pytest.mark.parametrize("stage", ["prepare", "train", "extract", "tsne", "evaluate", "plot", "compare"])
def test_results_depend_on_the_locked_libraries(stage: str) -> None:
    assert "requirements.lock" in body(stage)["deps"]


def test_only_later_stages_see_the_test_split() -> None:
    seeing = {stage for stage in STAGES if "data/prepared/test.npz" in body(stage)["deps"]}
    assert seeing == {"extract", "evaluate", "plot", "compare", "track"}


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("tensorflow", {"train", "extract"}),
        ("mlflow", {"track"}),
        ("sklearn", {"prepare", "tsne", "evaluate"}),
        ("matplotlib", {"prepare", "plot", "compare"}),
    ],
)
def test_heavy_libraries_are_imported_where_they_are_used(library: str, users: set[str]) -> None:
    def uses(stage: str) -> bool:
        return any(
            name.split(".")[0] == library for file in closure(f"stages.{stage}") for name in imports(ROOT / file)
        )

    assert {stage for stage in STAGES if uses(stage)} == users
