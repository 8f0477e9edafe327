"""What is used of DVC's way to keep contents by their hash, in small projects: DVC's own commands say the same."""

from pathlib import Path

import pytest

from latentlab.errors import UserError
from latentlab.pipeline import objects
from latentlab.pipeline.dvc import Repo, Stage
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.objects import check_out, keep, made_by, needed_by, pull, push, remote_of
from tests.conftest import run

PIPELINE = """stages:
  make:
    cmd: make
    outs: [data/a.txt, data/folder, {plan: {cache: false}}]
  use:
    cmd: use
    deps: [data, plan/use.json, own.txt]
    outs: [out]
    metrics: [{numbers.json: {cache: false}}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a remote, whose first stage has been run."""
    root = tmp_path / "project"
    for name, text in (
        ("data/a.txt", "a"), ("data/folder/b.txt", "b"), ("data/folder/inner/c.txt", "c"), ("plan/use.json", "{}"),
        ("plan/make.json", "[]"), ("own.txt", "own"), ("dvc.yaml", PIPELINE),
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    run("dvc", "init", "--no-scm", "-q")
    run("dvc", "remote", "add", "-q", "--default", "far", "../far")
    run("dvc", "commit", "-q", "--force", "make")
    return root


def stage(repo: Repo, name: str) -> Stage:
    return next(each for each in repo.index.graph if each.name == name)


def test_what_a_stage_needs_and_makes_is_what_dvc_was_told(project: Path) -> None:
    with Repo() as repo:
        assert needed_by(stage(repo, "use")) == objects.Files(
            {"data/a.txt": md5(project / "data/a.txt"), "data/folder": md5(project / "data/folder")},
            {"plan/use.json": b"{}", "own.txt": b"own"},
        )
        assert made_by(stage(repo, "use")) == (["out"], ["numbers.json"])


def test_too_much_that_dvc_does_not_keep_is_refused(project: Path) -> None:
    with (project / "own.txt").open("wb") as file:
        file.truncate(objects.LARGEST + 1)
    with (
        Repo() as repo,
        pytest.raises(UserError, match="use: found 67 MB of files that DVC does not keep, allowed: 67 MB"),
    ):
        needed_by(stage(repo, "use"))


def test_contents_go_by_the_remote_to_another_project_and_back(project: Path, tmp_path: Path) -> None:
    with Repo() as repo:
        needed, remote = needed_by(stage(repo, "use")), remote_of(repo)
        push(repo, needed.cached.values())
    assert remote == {"url": str(tmp_path / "far")}
    assert "Everything is up to date" in run("dvc", "push", "make")
    other = tmp_path / "other"
    other.mkdir()
    objects.make_project(other, remote, tmp_path / "cache")
    objects.write(other, needed.others)
    with Repo(str(other)) as repo:
        pull(repo, needed.cached.values())
        check_out(repo, needed.cached)
        for name in ("data/a.txt", "data/folder/b.txt", "data/folder/inner/c.txt", "plan/use.json", "own.txt"):
            assert (other / name).read_bytes() == (project / name).read_bytes()
        (other / "out").mkdir()
        (other / "out/d.txt").write_text("d")
        kept = keep(repo, ["out"])
        push(repo, kept.values())
        with pytest.raises(UserError, match=r"^nothing\.txt: was not made by the stage$"):
            keep(repo, ["nothing.txt"])
    with Repo() as repo:
        pull(repo, kept.values())
        check_out(repo, kept)
        assert kept == {"out": md5(project / "out")}
    assert (project / "out/d.txt").read_text() == "d"


def test_what_no_remote_has_is_one_line(project: Path) -> None:
    fault = r"^DVC, pull: 1 files cannot be had, 0{32} among them$"
    with Repo() as repo, pytest.raises(UserError, match=fault):
        pull(repo, ["0" * 32])


def test_secrets_of_a_remote_stay_here(project: Path) -> None:
    run("dvc", "remote", "add", "-q", "--force", "--default", "far", "s3://bucket/path")
    run("dvc", "remote", "modify", "-q", "--local", "far", "secret_access_key", "hidden")
    run("dvc", "remote", "modify", "-q", "far", "profile", "lab")
    with Repo() as repo:
        assert repo.config["remote"]["far"]["secret_access_key"] == "hidden"
        assert remote_of(repo) == {"url": "s3://bucket/path", "profile": "lab"}
