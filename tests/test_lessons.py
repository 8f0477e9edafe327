"""The notebook for a class runs by itself, and shows what the committed metrics hold."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT, git, in_git

NOTEBOOK = Path("docs/lessons.ipynb")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after a run beside the committed metrics, and nothing else of the project."""
    root = tmp_path_factory.mktemp("class")
    for path in git("-C", str(ROOT), "ls-files", "studies/lessons/metrics", "studies/lessons_seen/metrics").split():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(in_git(Path(path)))
    notebook = nbformat.read(ROOT / NOTEBOOK, as_version=4)
    (root / "docs").mkdir()
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(root / "docs")}})
    return client.execute()


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


@pytest.mark.slow
def test_every_cell_runs_and_every_picture_is_drawn(executed: Any) -> None:
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    wanted = [
        cell.source.count("plt.show()") + len(re.findall(r"^bars\(", cell.source, re.MULTILINE)) for cell in cells
    ]
    drawn = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in cells]
    assert drawn[1:] == wanted[1:]  # the first defines `bars`
    assert sum(drawn) == 6
    assert not [output for cell in cells for output in cell.outputs if output.get("name") == "stderr"]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["vae", "vae_16_kl_mean", "vae_tenth"])
def test_losses_printed_and_bounds_are_those_of_the_metrics(executed: Any, variant: str) -> None:
    metrics = json.loads(in_git(Path(f"studies/lessons/metrics/{variant}.json")))
    found = re.search(rf"^{variant} +printed +(\S+), negative ELBO +(\S+),", printed(executed), re.MULTILINE)
    assert found is not None
    assert float(found[1]) == pytest.approx(metrics["training"]["validation_loss"], abs=0.06)
    assert float(found[2]) == pytest.approx(-metrics["vae"]["elbo"], abs=0.06)


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(ROOT / NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
