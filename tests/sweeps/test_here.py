"""A sweep in this process, over the tiny study: what is trained already comes from DVC's cache."""

import json
from pathlib import Path

import pytest

from latentlab.cli.sweep import run_sweep
from latentlab.errors import UserError
from latentlab.sweeps import commits
from tests.conftest import enter_copy, git, run

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tiny_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter_copy(tiny_results, tmp_path, monkeypatch)
    return tmp_path


def test_an_experiment_holds_the_numbers_of_its_result(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    epochs = json.loads(Path("metrics/simple.json").read_text())["training"]["epochs"]
    run_sweep([f"simple.epochs={epochs},{epochs + 1}"], dry=True)
    names = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert commits.known(names) == {}
    run_sweep([f"simple.epochs={epochs},{epochs + 1}"])
    said = capsys.readouterr().out
    assert f"{names[0]}/train@simple: outputs were in the run cache" in said
    found = commits.known(names)
    assert list(found) == names
    first = commits.metrics(found[names[0]], "simple")
    assert first == json.loads(Path("metrics/simple.json").read_text())
    assert commits.metrics(found[names[1]], "simple")["training"]["epochs"] == epochs + 1
    # an experiment differs from its base by the variant's own files
    changed = git("diff", "--name-only", "HEAD", found[names[1]]).split()
    assert {"params.yaml", "dvc.lock", "metrics/simple.json", "plan/train@simple.json"} <= set(changed)
    assert not [path for path in changed if path.startswith("metrics/") and path != "metrics/simple.json"]
    assert {line for line in said.splitlines() if line.startswith("written: ")} == {
        f"written: {path.absolute()}" for path in Path("sweeps").rglob("*.*") if path.is_file()
    }
    assert len(list(Path("sweeps").rglob("training.validation_bce.*"))) == 2
    assert names[1] in run("dvc", "exp", "show", "--csv")
    run_sweep([f"simple.epochs={epochs},{epochs + 1}"])
    assert "train@simple" not in capsys.readouterr().out


def test_a_metric_or_study_that_is_none_is_named(clone: Path) -> None:
    with pytest.raises(UserError, match="metric: found 'a/b', allowed: "):
        run_sweep(["simple.epochs=1"], metric="a.b")
    with pytest.raises(UserError, match="study: found no 'birds', allowed: "):
        run_sweep(["simple.epochs=1"], study="birds")
