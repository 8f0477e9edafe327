"""A project of its own for each test: params.yaml, studies, an MLflow store; never the real ones. And a study's run."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first, so that the two processes end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def run_stages(variants: Sequence[str]) -> None:
    """All stages of the study in the current folder, in this process."""
    from latentlab import check, compare, evaluate, extract, plot, prepare, track, train, tsne

    check.main()
    prepare.main()
    for variant in variants:
        for stage in (train, extract, tsne, evaluate, plot):
            assert variant in stage.main(variant)
    compare.main()
    assert track.main().startswith(f"track: {len(variants)} new runs of {len(variants)}")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tiny study, and the process in it."""
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    shutil.copy(ROOT / "studies/tiny.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The content of the tiny study, to be changed at will."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "studies/tiny.yaml")
    return content


@pytest.fixture
def write_params(project: Path) -> Callable[[dict[str, Any]], None]:
    """Write a dict to the project's params.yaml."""

    def write(content: dict[str, Any]) -> None:
        YAML(typ="safe", pure=True).dump(content, project / "params.yaml")

    return write


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
