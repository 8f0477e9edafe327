"""Commands as a shell calls them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from latentlab.config import paths
from latentlab.runner import reproduce
from latentlab.runner.reproduce import StagesFailedError
from latentlab.storage.json import write_json
from latentlab.tables.columns import COLUMNS
from tests.conftest import ROOT, call, git


@pytest.fixture
def several(project: Path) -> Path:
    """A project with `tiny` in its root and `quick` in a folder."""
    (project / ".dvc").mkdir()
    shutil.copy(ROOT / "dvc.yaml", project)
    (project / "studies/quick").mkdir(parents=True)
    (project / "studies/quick/params.yaml").write_text(git("-C", str(ROOT), "show", ":params.yaml"))
    shutil.copy(ROOT / "dvc.yaml", project / "studies/quick")
    return project


def rows(table: str) -> list[list[str]]:
    """Cells of a printed table."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in table.splitlines() if line[:1] == "│"]


def test_study_lists_what_there_is_and_how_far_it_is(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (several / "data").mkdir()
    (several / "data/file").write_bytes(bytes(2_500_000))
    (several / "studies/quick/dvc.lock").touch()
    for folder in (several, several / "studies/quick"):
        monkeypatch.chdir(folder)
        assert call(monkeypatch, "study") == 0
        tiny, quick, *_ = rows(capsys.readouterr().out)
        assert tiny[:3] == ["tiny", "never run", "2.5 MB"]
        assert tiny[3].startswith("300 digits")
        assert quick[:3] == ["quick", "stale: prepare: new and 60 more", "0.0 MB"]
    text = (several / "params.yaml").read_text()
    (several / "params.yaml").write_text(text.replace("seed: 42", "seed: -1"))
    assert call(monkeypatch, "study") == 0
    assert rows(capsys.readouterr().out)[0][1].startswith("params.yaml: seed: found -1, allowed: greater than")


def test_a_new_study_is_made_and_says_what_to_do(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (several / "params.yaml").read_bytes()
    monkeypatch.chdir(several / "studies/quick")
    assert call(monkeypatch, "study", "new", "birds", "--like", "quick") == 0
    assert (
        capsys.readouterr().out
        == "edit ../birds/params.yaml, then `latentlab reproduce birds`, or `dvc repro` in ../birds/\n"
    )
    assert "study: birds" in (several / "studies/birds/params.yaml").read_text()
    assert (several / "params.yaml").read_bytes() == before
    assert call(monkeypatch, "study", "new", "birds") == 1
    assert capsys.readouterr().err == "error: study new: found 'birds', allowed: a name that no study has\n"


@pytest.mark.parametrize("command", ["reproduce", "results", "track"])
def test_a_command_takes_a_study_by_name_or_from_the_current_folder(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    folder = several / "studies/quick"
    (folder / "params.yaml").write_text("seed: 1\n")
    assert call(monkeypatch, command, "quick") == 1
    assert capsys.readouterr().err == f"error: {folder}: params.yaml: variants: found {{}}, {ONE_ENTRY}\n"
    (folder / "data").mkdir()
    monkeypatch.chdir(folder / "data")
    assert call(monkeypatch, command) == 1
    assert capsys.readouterr().err == f"error: {folder}: params.yaml: variants: found {{}}, {ONE_ENTRY}\n"
    monkeypatch.chdir(folder)
    assert call(monkeypatch, command) == 1
    assert capsys.readouterr().err == f"error: params.yaml: variants: found {{}}, {ONE_ENTRY}\n"
    assert call(monkeypatch, command, "quik") == 1
    more = "; or a stage: plan, prepare, classifier, references, compare, report, track, "
    more += "train, extract, tsne, evaluate, plot"
    line = f"error: study: found no 'quik', allowed: tiny, quick{more if command == 'reproduce' else ''}\n"
    assert capsys.readouterr().err == line
    assert Path.cwd() == folder


@pytest.mark.parametrize("target", ["train@simple", "train", "prepare"])
def test_a_stage_is_a_target_with_its_variant_or_for_all(
    several: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    asked: list[object] = []

    def nothing_to_do(targets: list[str], *_: object, **__: object) -> int:
        asked.append((Path.cwd(), targets))
        return 0

    monkeypatch.setattr(reproduce, "reproduce", nothing_to_do)
    assert call(monkeypatch, "reproduce", "quick", target) == 0
    assert asked == [(several / "studies/quick", [target])]


@pytest.mark.parametrize("command", ["reproduce", "results", "track"])
def test_all_studies_are_looked_at_before_anything_runs(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    folder = several / "studies/quick"
    copied = several / "studies/copied"
    shutil.copytree(folder, copied)
    line = "params.yaml: study: found 'quick', allowed: 'copied', the name of its folder"
    assert call(monkeypatch, command, "quick", "copied") == 1
    assert capsys.readouterr() == ("", f"error: {copied}: {line}\n")
    copied.rename(several / "studies/Copied")
    assert call(monkeypatch, command, "quick", "Copied") == 1
    line = "study: found the folder 'Copied', allowed: a-z, 0-9 and _, a letter first; rename it"
    assert capsys.readouterr() == ("", f"error: {several}/studies/Copied: {line}\n")
    assert not (folder / "plan").exists()


def test_a_run_by_name_keeps_its_exit_code(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise StagesFailedError("plan failed")

    monkeypatch.setattr(reproduce, "reproduce", fails)
    for names, line in (([], "error: plan failed\n"), (["quick"], f"error: {several}/studies/quick: plan failed\n")):
        assert call(monkeypatch, "reproduce", *names) == 255
        assert capsys.readouterr().err == line


def test_track_takes_all_or_names(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "track", "--all", "quick") == 1
    assert capsys.readouterr().err == "error: track: found --all and 'quick', allowed: one of them\n"
    (several / "params.yaml").write_text("")
    assert call(monkeypatch, "track", "--all") == 1  # whatever the current parameters are
    assert capsys.readouterr().err == "error: track --all: found no git repository, allowed: a clone of the project\n"


def test_what_study_took_once_says_what_to_do(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "study", "quick") == 1
    line = "error: study: found 'quick', allowed: new; studies run by `latentlab reproduce NAME`\n"
    assert capsys.readouterr() == ("", line)


def test_a_command_runs_the_source_of_the_project_that_it_is_in(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "src/latentlab", several / "src/latentlab")
    module = several / "src/latentlab/config/studies.py"
    module.write_text(module.read_text().replace("found no {name!r}", "this very project has no {name!r}"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    command = [str(Path(sys.executable).with_name("latentlab")), "results", "none"]
    for folder, expected in ((several, "this very project has"), (several.parent, "found")):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.stderr.startswith(f"error: study: {expected} no 'none'")


ONE_ENTRY = "allowed: one entry or more, name: {model: ...}"
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
    assert "numbers: metrics/" in out
    assert "simple" in out
    assert "0.0988" in out
    assert "pictures: plots/" in out
    assert call(monkeypatch, "results", "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| simple | 50,992 | 5 | 32 | 0.0988 | 0.800 | 0.950 | 0.900 | 0.900 |  |"
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 2}


def test_results_of_several_studies_as_markdown_have_headings(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (several, several / "studies/quick"):
        text = (folder / "params.yaml").read_text()
        (folder / "params.yaml").write_text(text.partition("  sparse:")[0])
        write_json(folder / paths.metrics("simple"), METRICS)
    assert call(monkeypatch, "results", "quick", "tiny", "quick", "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("|")] == ["## quick", "", "## tiny", ""]


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
    assert call(monkeypatch, "study") == 0
    assert rows(capsys.readouterr().out)[0][:2] == ["tiny", "never run"]
