"""`latentlab report` and `latentlab export-projector`."""

import shutil
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab.config import paths
from latentlab.stages import report
from latentlab.storage.pickle import write_pickle
from tests.conftest import ROOT, call
from tests.report.made_up import MadeUp, make_up


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    return found


@pytest.fixture
def made(project: Path) -> MadeUp:
    """A project with made-up results in its root, and a study without any."""
    (project / ".dvc").mkdir()
    shutil.copy(ROOT / "dvc.yaml", project)
    shutil.copytree(ROOT / "studies/one_class", project / "studies/one_class", ignore=lambda *_: ["metrics", "data"])
    return make_up(project, classes=("<b>zero</b>", "one\ttwo", "three"))


@pytest.mark.usefixtures("made")
def test_the_page_of_a_study_is_opened(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], opened: list[str]
) -> None:
    assert call(monkeypatch, "report") == 1
    line = "error: report/index.html: no such file; `latentlab reproduce` makes it, `dvc checkout` too\n"
    assert capsys.readouterr().err == line
    report.main()
    assert call(monkeypatch, "report") == 0
    assert call(monkeypatch, "report", "tiny", "--no-open") == 0
    assert capsys.readouterr().out == "report/index.html\n" * 2
    assert opened == [(project / paths.REPORT).as_uri()]
    assert call(monkeypatch, "report", "tiny", "--all") == 1
    assert capsys.readouterr().err == "error: report: found --all and 'tiny', allowed: one of them\n"


@pytest.mark.usefixtures("made")
def test_one_page_leads_to_all(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], opened: list[str]
) -> None:
    assert call(monkeypatch, "report", "--all") == 0
    assert "Its page is not here: <code>latentlab reproduce tiny</code>" in (project / paths.INDEX).read_text()
    report.main()
    monkeypatch.chdir(project / "studies/one_class")
    assert call(monkeypatch, "report", "--all") == 0
    page = (project / paths.INDEX).read_text()
    assert '<a href="../report/index.html">tiny</a>' in page
    assert "one_class" not in page  # which has no results
    assert "best test BCE" in page
    assert opened == [(project / paths.INDEX).as_uri()] * 2
    shutil.rmtree(project / paths.METRICS)
    capsys.readouterr()
    assert call(monkeypatch, "report", "--all") == 1
    assert capsys.readouterr().err.startswith("error: report: found no study with results")


def test_features_for_the_projector(
    project: Path, made: MadeUp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(made.images)
    features = np.concatenate([made.codes["simple"] * 0, made.codes["simple"]])
    write_pickle(paths.latents("simple"), {"features": features, "split": np.repeat(["train", "test"], count)})
    assert call(monkeypatch, "export-projector", "simple") == 0
    assert capsys.readouterr().out == f"export-projector simple: {count} images in projector/simple\n"
    folder = project / "projector/simple"
    vectors = np.loadtxt(folder / "vectors.tsv", delimiter="\t", dtype=np.float32)
    assert (vectors == made.codes["simple"]).all()
    head, *lines = (folder / "metadata.tsv").read_text().splitlines()
    assert head == "row\tclass"
    assert lines[:2] == [f"{made.rows[0]}\t<b>zero</b>", f"{made.rows[1]}\tone two"]
    assert len(lines) == count
    sprite = np.asarray(Image.open(folder / "sprite.png"))
    assert (sprite[:28, 28:56] == made.images[1, :, :, 0]).all()
    assert sprite.shape == (11 * 28, 11 * 28)
    assert "single_image_dim: 28\n" in (folder / "projector_config.pbtxt").read_text()
    assert call(monkeypatch, "export-projector", "nothing") == 1
    assert "nothing" in capsys.readouterr().err
