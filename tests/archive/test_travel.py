"""A study goes from one clone to others in one file."""

import json
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from latentlab.archive.manifest import MANIFEST
from latentlab.config import params
from latentlab.pipeline.hashes import md5
from latentlab.tracking.glance import FINISHED, glance
from latentlab.tracking.place import Place
from tests.conftest import enter, enter_copy, git, replace, run
from tests.runner.test_reproduce import stages_in

pytestmark = pytest.mark.slow

ANOTHER = "another machine's CPU"


@pytest.fixture(scope="module")
def exported(tiny_results: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An archive of the tiny study, and a clone of where it is from, without results but those in git."""
    root = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        enter_copy(tiny_results, root / "from", patch)
        with closing(sqlite3.connect("mlflow.db")) as connection, connection:
            connection.execute("UPDATE tags SET value = ? WHERE key = 'platform.cpu'", (ANOTHER,))
        assert run("latentlab", "export", "../tiny.zip").startswith("export: study tiny, ")
        assert run("git", "status", "--porcelain") == ""
        git("clone", "-q", ".", "../to")
    shutil.rmtree(root / "from")
    return root / "tiny.zip", root / "to"


@pytest.fixture
def clone(exported: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter_copy(exported[1], tmp_path / "clone", monkeypatch)
    return tmp_path / "clone"


def hashes_in(archive: Path) -> dict[str, str]:
    with zipfile.ZipFile(archive) as opened:
        files = json.loads(opened.read(MANIFEST))["files"]
    return {path: each["md5"] for path, each in files.items()}


def test_the_same_commit_has_nothing_to_do(exported: tuple[Path, Path], clone: Path) -> None:
    archive, _ = exported
    assert "11 new runs" in run("latentlab", "import", str(archive))
    assert {path: md5(Path(path)) for path in hashes_in(archive)} == hashes_in(archive)
    assert run("git", "status", "--porcelain") == ""
    assert stages_in(run("dvc", "repro")) == {"plan"}
    assert run("git", "status", "--porcelain") == ""
    held = glance(Place.of(clone), "tiny")
    assert len(held) == len(params.load().variants)
    for each in held.values():
        assert each.status == FINISHED
        assert each.tags["platform.cpu"] == ANOTHER  # where it is from
    again = run("latentlab", "import", str(archive))
    assert " 0 of them new" in again
    assert "nothing to do" in again
    shutil.rmtree("models")
    run("dvc", "checkout")  # the cache has them, too
    assert md5(Path("models/simple/encoder.keras")) == hashes_in(archive)["models/simple/encoder.keras"]


def test_another_commit_takes_it_under_another_name(exported: tuple[Path, Path], clone: Path) -> None:
    archive, _ = exported
    replace("neighbours: 5", "neighbours: 4")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "another one")
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file() and ".dvc" not in path.parts}
    with pytest.raises(AssertionError, match=r"params\.yaml: is another one; `--as NAME`"):
        run("latentlab", "import", str(archive))
    assert {path: path.read_bytes() for path in before} == before
    assert "11 new runs" in run("latentlab", "import", str(archive), "--as", "theirs")
    folder = clone / "studies/theirs"
    expected = {path: value for path, value in hashes_in(archive).items() if path not in ("params.yaml", "dvc.yaml")}
    assert {path: md5(folder / path) for path in expected} == expected
    assert params.load(folder / "params.yaml").study == "theirs"
    assert len(glance(Place.of(clone), "theirs")) == len(params.load().variants)
    assert {path: path.read_bytes() for path in before} == before


def test_what_is_not_as_the_lock_says_is_not_exported(
    exported: tuple[Path, Path], clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(clone, monkeypatch)
    with pytest.raises(AssertionError, match="no such file; `dvc checkout`"):
        run("latentlab", "export", "tiny.zip")
    run("latentlab", "import", str(exported[0]))
    Path("metrics/simple.json").write_text("{}")
    with pytest.raises(AssertionError, match=r"metrics.*is not what dvc\.lock says"):
        run("latentlab", "export", "tiny.zip")
    assert not Path("tiny.zip").exists()
