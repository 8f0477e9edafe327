"""The house: which rooms there are, and which may import which."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipeline.test_dvc_yaml import imports

PACKAGE = ROOT / "src/latentlab"
# from which rooms a room may import, beside itself
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "numerics": set(),
    "storage": {"errors"},
    "config": {"errors", "numerics", "storage"},
    "metrics": {"storage"},
    "embedding": {"metrics", "numerics", "storage"},
    "figures": {"storage"},
    "tables": {"config", "errors", "storage"},
    "report": {"figures", "metrics", "storage", "tables"},
    "pipeline": {"config", "errors", "numerics", "storage"},
    "runner": {"config", "errors", "numerics", "pipeline", "storage"},
    "networks": {"storage"},
    "sources": {"config", "errors", "storage"},
    "datasets": {"config", "errors", "sources", "storage"},
    "models": {"config", "networks", "storage"},
    "training": {"config", "errors", "networks", "storage"},
    "tracking": {"config", "errors", "metrics", "pipeline", "runner", "storage", "tables"},
    "stages": {
        *("config", "embedding", "errors", "figures", "metrics", "networks", "numerics"),
        *("pipeline", "report", "runner", "sources", "storage", "tables", "tracking", "training"),
    },
    "inference": {
        *("config", "datasets", "embedding", "errors", "networks", "numerics"),
        *("pipeline", "sources", "stages", "storage"),
    },
    "cluster": {"config", "errors", "numerics", "pipeline", "runner", "storage"},
    "archive": {"config", "errors", "pipeline", "storage"},
    "sweeps": {"config", "errors", "figures", "pipeline", "runner", "storage", "tables", "tracking"},
    "verify": {"config", "errors", "pipeline", "runner", "storage"},
    "cli": {
        *("archive", "cluster", "config", "errors", "inference", "numerics", "pipeline", "report"),
        *("runner", "stages", "storage", "sweeps", "tables", "tracking", "verify"),
    },
}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def room(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def modules_of(path: Path) -> set[str]:
    """Modules of the package that a module imports, as `room.module`."""
    found = {name.removeprefix("latentlab.") for name in imports(PACKAGE / path) if name.startswith("latentlab.")}
    return {".".join(name.split(".")[:2]) for name in found}


def test_the_package_is_its_rooms() -> None:
    there = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith("__")}
    assert there == set(ROOMS)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "errors.py"}


def test_rooms_stand_above_all_that_they_import() -> None:
    standing: set[str] = set()
    while missing := ROOMS.keys() - standing:
        ready = {name for name in missing if ROOMS[name] <= standing}
        assert ready, f"a circle among {sorted(missing)}"
        standing |= ready


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_from_the_rooms_below_alone(path: Path) -> None:
    assert {name.split(".")[0] for name in modules_of(path)} - {room(path)} <= ROOMS[room(path)]


@pytest.mark.parametrize("name", sorted(ROOMS.keys() - {"errors"}))
def test_no_circle_inside_a_room(name: str) -> None:
    needs = {f"{name}.{path.stem}": modules_of(path) for path in MODULES if room(path) == name}
    while needs:
        free = [module for module, others in needs.items() if not others & needs.keys()]
        assert free, f"a circle among {sorted(needs)}"
        needs = {module: others for module, others in needs.items() if module not in free}


def test_tests_have_the_same_rooms() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= ROOMS.keys() | {"benchmarks"}


def test_two_modules_import_dvc_and_one_room_mlflow() -> None:
    users = {
        library: {path for path in MODULES if any(name.split(".")[0] == library for name in imports(PACKAGE / path))}
        for library in ("dvc", "mlflow")
    }
    assert users["dvc"] == {Path("pipeline/dvc.py"), Path("pipeline/objects.py")}
    assert {room(path) for path in users["mlflow"]} == {"tracking"}
