"""The `latentlab` command."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from latentlab import cli
from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.report import table
from latentlab.stages import _command
from latentlab.storage.json import write_json
from tests.conftest import ROOT


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command as the shell would; its exit code."""
    monkeypatch.setattr(sys, "argv", ["latentlab", *arguments])
    try:
        cli.run()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_study_lists_what_there_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "study") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
    assert all(len(line.split()) > 4 for line in lines)


def test_study_copies_and_says_what_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "study", "quick") == 0
    changes = capsys.readouterr().out.splitlines()
    assert "study: tiny -> quick" in changes
    assert "prepare.images: 300 -> (none)" in changes
    assert not any(line.startswith("seed:") for line in changes)
    assert (project / "params.yaml").read_text() == (project / "studies/quick.yaml").read_text()
    assert call(monkeypatch, "study", "quick") == 0
    assert capsys.readouterr().out == "params.yaml is studies/quick.yaml already\n"


def test_study_on_a_project_without_params(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "params.yaml").unlink()
    assert call(monkeypatch, "study", "tiny") == 0
    assert (project / "params.yaml").exists()


def test_unknown_study_lists_the_known(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "params.yaml").read_text()
    assert call(monkeypatch, "study", "quik") == 1
    assert (
        capsys.readouterr().err == "error: studies/: found no 'quik', allowed: fashion_guide, keras_blog, quick, tiny\n"
    )
    assert (project / "params.yaml").read_text() == before


def test_a_broken_study_is_not_copied(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "params.yaml").read_text()
    (project / "studies/bad.yaml").write_text(before + "sed: 1\n")
    assert call(monkeypatch, "study", "bad") == 1
    assert capsys.readouterr().err.startswith("error: studies/bad.yaml: sed: unknown key")
    assert (project / "params.yaml").read_text() == before


METRICS: dict[str, Any] = {
    "reconstruction": {"bce": 0.09876, "ssim": 0.8},
    "latent": {"dim": 32, "knn_accuracy": 0.95, "linear_probe_accuracy": 0.9},
    "tsne": {"knn_accuracy": 0.9},
    "training": {"parameters": 50992, "epochs": 5},
}


def test_results_as_a_table_and_as_markdown(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (project / "params.yaml").read_text()
    head, _, _ = text.partition("  sparse:")
    (project / "params.yaml").write_text(head)
    write_json(paths.metrics("simple"), METRICS)
    assert call(monkeypatch, "results") == 0
    out = capsys.readouterr().out
    assert "simple" in out
    assert "0.0988" in out
    assert "plots" in out
    assert call(monkeypatch, "results", "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| simple | 50,992 | 5 | 32 | 0.0988 | 0.800 | 0.950 | 0.900 | 0.900 |  |"
    assert {line.count("|") for line in lines} == {len(table.COLUMNS) + 2}


def test_results_before_a_run_name_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "results") == 1
    assert capsys.readouterr().err == "error: metrics/simple.json: no such file; `dvc repro` makes it\n"


def test_reproduce_checks_parameters_first(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "params.yaml").write_text("study: 5\n")
    assert call(monkeypatch, "reproduce") == 1
    assert capsys.readouterr().err.startswith("error: params.yaml: variants: found {}")


def test_reproduce_outside_a_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "reproduce") == 1
    assert "not inside of a DVC repository" in capsys.readouterr().err
    shutil.rmtree(project / "studies")
    assert call(monkeypatch, "study", "tiny") == 1
    assert capsys.readouterr().err == "error: studies/: found no 'tiny', allowed: nothing here\n"


def test_a_stage_prints_its_summary_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def good(variant: str) -> str:
        return f"did {variant}"

    def bad() -> str:
        raise UserError("file: damaged")

    _command.run_checked(good, "plan", ["simple"])
    assert capsys.readouterr().out.startswith("did simple (0.0 s)")
    with pytest.raises(SystemExit, match="1"):
        _command.run_checked(bad, "plan", [])
    assert capsys.readouterr().err == "error: file: damaged\n"


def test_a_wrong_number_of_arguments_says_how_to_use_a_stage(project: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "latentlab.stages.tsne"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: python -m latentlab.stages.tsne VARIANT\n")
