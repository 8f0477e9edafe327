"""The contract with DVC: what `pipeline/dvc.py` uses of its inner parts does what this project takes it to do."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import pytest
from dvc.utils.serialize import _yaml
from ruamel.yaml import YAML

from latentlab.errors import UserError
from latentlab.pipeline import dvc
from latentlab.pipeline.hashes import md5
from latentlab.runner.reproduce import reproduce
from tests.conftest import commit, git, run

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  last:
    cmd: cat middle > last
    deps: [middle]
    outs: [last]
  middle:
    cmd: cat first > middle && echo $DVC_STAGE >> names && echo done && echo beside >&2
    deps: [first]
    outs: [middle]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stages in a repository of git's and DVC's, with the process in it; nothing has run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("init", "-q")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    run("dvc", "init", "--quiet")
    run("dvc", "config", "core.analytics", "false")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("first").write_text("1")
    commit("start")
    return tmp_path


@pytest.fixture
def repo(project: Path) -> Iterator[dvc.Repo]:
    with dvc.locked() as repo:
        yield repo


def middle_and_last(repo: dvc.Repo) -> tuple[dvc.Stage, dvc.Stage]:
    middle, last = dvc.in_order(repo)
    return middle, last


def run_command(stage: dvc.Stage) -> subprocess.CompletedProcess[str]:
    """What DVC does."""
    text, folder, variables = dvc.command(stage)
    return subprocess.run(text, shell=True, cwd=folder, env=os.environ | variables, capture_output=True, text=True)


def test_the_version_is_one_that_this_contract_is_about() -> None:
    major, minor, *_ = map(int, version("dvc").split("."))
    assert (3, 67) <= (major, minor) < (4, 0), "read DVC's changes, then this file and pyproject.toml"


def test_stages_come_in_order_with_what_they_wait_for(repo: dvc.Repo) -> None:
    middle, last = middle_and_last(repo)
    assert (middle.addressing, last.addressing) == ("middle", "last")
    assert dvc.in_order(repo) == {middle: set(), last: {middle}}


def test_a_frozen_stage_waits_for_none(project: Path) -> None:
    Path("dvc.yaml").write_text(PIPELINE.replace("deps: [middle]", "deps: [middle]\n    frozen: true"))
    with dvc.locked() as repo:
        assert {stage.addressing: waits for stage, waits in dvc.in_order(repo).items()}["last"] == set()
        assert [stage.addressing for stage in dvc.in_order(repo, ["last"])] == ["last"]


def test_a_group_of_stages_is_a_target(project: Path) -> None:
    group = "  group:\n    foreach: [a, b]\n    do: {cmd: 'cat middle > ${item}', deps: [middle], outs: ['${item}']}\n"
    Path("dvc.yaml").write_text(PIPELINE + group)
    with dvc.locked() as repo:
        assert {stage.addressing for stage in dvc.in_order(repo, ["group"])} == {"middle", "group@a", "group@b"}


def test_the_order_is_the_same_in_each_process(project: Path) -> None:
    stages = {f"s{number}": {"cmd": "true", "deps": ["first"], "outs": [f"o{number}"]} for number in range(20)}
    YAML(typ="safe", pure=True).dump({"stages": stages}, Path("dvc.yaml"))
    code = "from latentlab.pipeline import dvc\nwith dvc.locked() as r: print(*(s.name for s in dvc.in_order(r)))"
    orders = {run(sys.executable, "-c", code, PYTHONHASHSEED=seed) for seed in "123"}
    assert len(orders) == 1
    assert set(orders.pop().split()) == stages.keys()


def test_stages_of_other_folders_are_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (project / "studies/a", project / "studies/b"):
        folder.mkdir(parents=True)
        for name in ("dvc.yaml", "first"):
            (folder / name).write_text((project / name).read_text())
    with dvc.locked() as repo:
        assert [stage.addressing for stage in dvc.in_order(repo)] == ["middle", "last"]
    monkeypatch.chdir(project / "studies/a")
    assert reproduce(jobs=1) == 2
    assert Path("last").read_text() == "1"
    assert list(YAML(typ="safe").load(Path("dvc.lock"))["stages"]) == ["middle", "last"]
    assert not (project / "dvc.lock").exists()
    assert not (project / "studies/b/dvc.lock").exists()
    assert dvc.status() == {}
    Path("first").write_text("2")
    assert dvc.status() == {"middle": [{"changed deps": {"first": "modified"}}]}
    with pytest.raises(UserError, match="DVC is at work"), dvc.locked():
        dvc.status()


def test_the_run_cache_forgets_a_stage(project: Path) -> None:
    run("dvc", "repro", "--quiet")
    for forgotten, expected in (("last", "middle\n"), ("middle", "middle\nmiddle\n")):
        dvc.forget_run(forgotten)
        dvc.drop_from_lock(Path("dvc.lock"), ["last", "middle"])
        run("dvc", "repro", "--quiet")
        assert Path("names").read_text() == expected  # `middle` writes it, each time that it runs


def test_a_stage_that_was_run_and_recorded_is_up_to_date_for_dvc(project: Path) -> None:
    with dvc.locked() as repo:
        for stage in middle_and_last(repo):
            assert stage.changed()
            assert not dvc.brought_back(stage)
            done = run_command(stage)
            assert done.returncode == 0
            if stage.addressing == "middle":
                assert (done.stdout, done.stderr) == ("done\n", "beside\n")
            dvc.record(stage)
            assert not stage.changed()
    assert Path("names").read_text() == "middle\n"
    assert json.loads(run("dvc", "status", "--json")) == {}


def test_a_dependency_counts_as_it_was_before_the_command(repo: dvc.Repo) -> None:
    middle, _ = middle_and_last(repo)
    dvc.brought_back(middle)
    before = middle.deps[0].hash_info.value
    Path("first").write_text("2")
    assert middle.deps[0].hash_info.value == before


def test_old_outputs_come_back_from_the_run_cache(repo: dvc.Repo) -> None:
    middle, _ = middle_and_last(repo)
    for content in ("1", "2"):
        Path("first").write_text(content)
        assert not dvc.brought_back(middle)
        assert not Path("middle").exists()
        run_command(middle)
        dvc.record(middle)
    Path("first").write_text("1")
    assert middle.changed()
    assert dvc.brought_back(middle)
    assert Path("middle").read_text() == "1"
    assert not middle.changed()
    assert Path("names").read_text() == "middle\nmiddle\n"


def test_the_lock_gets_the_order_of_the_stages(project: Path) -> None:
    run("dvc", "repro", "--quiet")
    lock = Path("dvc.lock")
    whole = YAML(typ="safe").load(lock)
    dvc.sort_lock(["last", "gone", "middle"], lock)
    turned = YAML(typ="safe").load(lock)
    assert list(turned["stages"]) == ["last", "middle"]
    assert turned == whole
    before = lock.stat().st_mtime_ns
    dvc.sort_lock(["last", "middle"], lock)
    assert lock.stat().st_mtime_ns == before  # nothing is written where nothing changes
    dvc.sort_lock(["last"], project / "none.lock")
    assert not (project / "none.lock").exists()


def test_outputs_are_checked_out_as_the_lock_has_them(project: Path) -> None:
    run("dvc", "repro", "--quiet")
    Path("middle").unlink()
    dvc.check_out_outputs("middle")
    assert Path("middle").read_text() == "1"


def test_outputs_are_checked_out_from_another_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with the project locked, as while a run is at work."""
    run("dvc", "repro", "--quiet")
    Path("middle").unlink()
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    with dvc.locked():
        dvc.check_out_outputs(f"{project}/dvc.yaml:middle")
    assert (project / "middle").read_text() == "1"


def test_files_of_a_commit_are_read_from_git_and_from_the_cache(project: Path) -> None:
    run("dvc", "repro", "--quiet")
    commit("results")
    Path("first").write_text("2")
    Path("last").unlink()
    files = dvc.files_of("HEAD")
    for name in ("first", "last"):
        files.get(name, str(project / "copy"))
        assert (project / "copy").read_text() == "1"


def test_what_dvc_refuses_is_one_line(project: Path) -> None:
    Path("dvc.yaml").write_text("stages: {broken: {typo: 1}}\n")
    with pytest.raises(UserError, match=r"dvc\.yaml") as raised, dvc.locked() as repo:
        dvc.in_order(repo)
    assert "\n" not in str(raised.value)


def test_two_processes_do_not_hold_the_lock_at_once(repo: dvc.Repo) -> None:
    done = subprocess.run(["dvc", "repro"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "lock" in done.stderr.lower()


def test_several_commands_run_one_after_the_other(project: Path) -> None:
    Path("dvc.yaml").write_text("stages: {many: {cmd: [cd /, echo 1 > one, cat none, echo 2 > two]}}\n")
    with dvc.locked() as repo:
        (many,) = dvc.in_order(repo)
        done = run_command(many)
    assert done.returncode != 0
    assert "none" in done.stderr
    assert Path("one").read_text() == "1\n"
    assert not Path("two").exists()


def test_a_folder_under_dvc_add_is_noted_and_never_removed(project: Path) -> None:
    Path("raw").mkdir()
    Path("raw/1.png").write_text("1")
    run("dvc", "add", "--quiet", "raw")
    Path("dvc.yaml").write_text(PIPELINE.replace("deps: [first]", "deps: [first, raw]"))
    Path("raw/2.png").write_text("2, in no cache")
    assert reproduce(jobs=1) == 2
    assert {path.name: path.read_text() for path in Path("raw").iterdir()} == {"1.png": "1", "2.png": "2, in no cache"}
    assert json.loads(run("dvc", "status", "--json")) == {}
    assert reproduce(jobs=1) == 0


def test_a_command_that_does_not_make_its_output_fails_with_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dvc.yaml").write_text(PIPELINE.replace("cat middle > last", "echo nothing"))
    with pytest.raises(UserError, match=r"^last failed; results of other stages are kept$"):
        reproduce(jobs=1)
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("last: error: ")]
    assert Path("middle").exists()
    assert json.loads(run("dvc", "status", "--json", "middle")) == {}


def test_hashes_in_the_cache_are_known(project: Path) -> None:
    run("dvc", "repro", "--quiet")
    known = md5(Path("middle"))
    assert dvc.in_cache({known, "0" * 32}) == {known}


def test_stages_are_dropped_from_the_lock(project: Path) -> None:
    run("dvc", "repro", "--quiet")
    dvc.drop_from_lock(Path("dvc.lock"), ["last", "gone"])
    assert list(YAML(typ="safe").load(Path("dvc.lock"))["stages"]) == ["middle"]
    assert "last" in json.loads(run("dvc", "status", "--json"))


@pytest.mark.parametrize("size", [0, 10_000])
def test_a_full_disk_is_one_line(project: Path, size: int) -> None:
    reproduce(jobs=1)
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    Path("first").write_text("2")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        with pytest.raises(UserError) as raised:
            reproduce(jobs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
    assert "\n" not in str(raised.value)
    assert reproduce(jobs=1) == 2


@pytest.mark.parametrize("name", [".dvc/tmp/rwlock", "dvc.lock", "studies/other/dvc.lock"])
@pytest.mark.parametrize("left", [False, True], ids=["empty", "cut off"])
def test_what_dvc_had_begun_to_write_when_it_was_killed_is_mended(project: Path, name: str, left: bool) -> None:
    """It writes in place: a file may be empty, or end anywhere."""
    reproduce(jobs=1)
    shutil.copytree(project, project / "studies/other", ignore=shutil.ignore_patterns(".dvc", ".git", "studies"))
    good, file = Path("dvc.lock").read_bytes(), project / name
    begun = b'{"read": {' if file.name == "rwlock" else b"schema: '2"
    file.write_bytes(begun if left else b"")
    if file.name == "dvc.lock" and left:
        with pytest.raises(UserError, match=rf"{file}: .*; without it the run cache brings results back: rm {file}$"):
            reproduce(jobs=1)
        file.unlink()
    assert reproduce(jobs=1) == 0
    assert Path("dvc.lock").read_bytes() == good


def test_dvc_lock_is_whole_at_any_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that fails while another one is recorded looks there for what it had."""
    reproduce(jobs=1)
    before, dump = Path("dvc.lock").read_bytes(), _yaml._dump
    Path("first").write_text("2")

    def interrupted(data: Any, stream: TextIO) -> Any:
        if not stream.name.endswith("lock"):
            return dump(data, stream)
        stream.write("schema")
        stream.flush()
        raise InterruptedError

    monkeypatch.setattr(_yaml, "_dump", interrupted)
    with pytest.raises(UserError):
        reproduce(jobs=1)
    assert Path("dvc.lock").read_bytes() == before
    assert run("git", "status", "--porcelain", "dvc.lock", ".dvc.lock*") == "?? dvc.lock\n"


def test_a_stage_that_is_added_while_a_run_starts_waits_for_the_next(repo: dvc.Repo) -> None:
    assert len(repo.index.graph) == 2
    Path("dvc.yaml").write_text(PIPELINE + "  new:\n    cmd: cat last > new\n    deps: [last]\n    outs: [new]\n")
    assert [stage.name for stage in dvc.in_order(repo)] == ["middle", "last"]


def test_a_folder_without_a_pipeline_is_one_line(project: Path) -> None:
    Path("dvc.yaml").unlink()
    with pytest.raises(UserError, match=r"dvc\.yaml"):
        reproduce(jobs=1)
