"""A project of its own for each test: params.yaml, studies, an MLflow store; never the real ones. And a study's run."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace as replace_fields
from http.server import HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentlab.numerics.portable import set_switches

# as the studies have it, before numpy is imported
set_switches("native" if os.environ.get("LATENTLAB_TESTS_NUMERICS") == "native" else "portable")

# ruff: noqa: E402
import joblib
import numpy as np
import psutil
import pytest
from filelock import FileLock
from ruamel.yaml import YAML

from latentlab import cli
from latentlab.config import params, paths
from latentlab.config.params import Params
from latentlab.config.variants import Variant
from latentlab.networks.autoencoder import Autoencoder
from latentlab.stages.train import build
from latentlab.storage.yaml import parse_yaml
from tests.forks import LIBRARIES, TENSORFLOW, forking

if TYPE_CHECKING:
    from latentlab.tracking.store import Store

ROOT = Path(__file__).parent.parent


MOST_PROCESSES = 9  # each may take a gigabyte


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores, as some tests wait."""
    cores: int = joblib.cpu_count()
    return min(cores + 1, MOST_PROCESSES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first, so that the processes end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def quiet_training() -> Iterator[None]:
    """No live losses, which cost a process for each training, but where a test is about them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTLAB_LIVE", "0")
        yield


def run_stages(variants: Sequence[str], trained: bool = False) -> None:
    """All stages of the study in the current folder but `track`, in this process; `train` unless that is done."""
    from latentlab.stages import classifier, compare, evaluate, extract, plot, references, report, train, tsne

    prepare_study()
    classifier.main()
    for variant in variants:
        for stage in (*([] if trained else [train]), extract, tsne, evaluate, plot):
            assert variant in stage.main(variant)
    references.main()
    compare.main()
    report.main()


def draw_once(patch: pytest.MonkeyPatch) -> None:
    """Leave SVG files empty: each picture is laid out anew for its own, which takes as long as for PNG."""
    from latentlab.stages import compare, plot

    def write_svg(path: Path, figure: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    for stage in (compare, plot):
        patch.setattr(stage, "write_svg", write_svg)


def write_tiny(root: Path, variants: Mapping[str, Mapping[str, Any]], **extract: Any) -> None:
    """The tiny study with other variants, and other keys of `extract`, in a folder."""
    yaml = YAML(typ="safe", pure=True)
    content = yaml.load(ROOT / "studies/tiny/params.yaml") | {"variants": variants}
    content["extract"] |= extract
    yaml.dump(content, root / "params.yaml")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command as the shell would; its exit code."""
    monkeypatch.setattr(sys, "argv", ["latentlab", *arguments])
    try:
        cli.run()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def prepare_study() -> str:
    """Stages `plan` and `prepare` of the study in the current folder, in this process; what the latter says."""
    from latentlab.stages import plan, prepare

    plan.main()
    return prepare.main()


def build_without_xla(variant: Variant, image_shape: tuple[int, ...]) -> Autoencoder:
    """As the stage builds it. XLA compiles for seconds what a few small steps need a tenth of one for."""
    return replace_fields(build(variant, image_shape), xla=False)


def run(*command: str, **variables: str) -> str:
    """What a command prints. It has to end well."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_git(path: Path) -> str:
    """A file of the project as git has it, or is about to: the one in the folder may have been edited or made anew."""
    return git("-C", str(ROOT), "show", f":{path.as_posix()}")


def committed_params(study: Path = Path()) -> Params:
    """The parameters of a study, of the root's, as git has them."""
    return params.parse(parse_yaml(in_git(study / paths.PARAMS), str(study / paths.PARAMS)))


def git(*arguments: str) -> str:
    return run("git", *arguments)


def make_clone(root: Path, patch: pytest.MonkeyPatch, variants: Sequence[str]) -> None:
    """The files that are in git, committed in `root`, with some variants of the tiny study; no cache, lock or store.

    The process and its environment are in it afterwards.
    """
    for name in run("git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard").split():
        others = name in ("dvc.lock", "results.md") or name.startswith(("metrics/", "plan/", "studies/"))
        if not others and (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    head, _, rest = (ROOT / "studies/tiny/params.yaml").read_text().partition("variants:\n")
    wanted = [line for line in rest.splitlines() if line.split(":")[0].strip() in variants]
    (root / "params.yaml").write_text("\n".join([f"{head}variants:", *wanted, ""]))
    enter(root, patch)
    git("init", "-q")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    commit("clone")


def enter(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the process and its environment into a clone."""
    patch.chdir(root)
    patch.setenv("PYTHONPATH", str(root / "src"))
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    # git must not find the developer's own settings
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


@contextmanager
def answering(server: HTTPServer) -> Iterator[None]:
    """Have a server answer in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def in_time(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it comes true in so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def alive(group: int) -> list[int]:
    """The processes of a group that are at work."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def commit(message: str) -> None:
    git("add", ".")
    git("commit", "-qm", message)


def replace(old: str, new: str) -> None:
    """Change params.yaml."""
    text = Path("params.yaml").read_text()
    assert old in text
    Path("params.yaml").write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tiny study in its root, and the process in it."""
    shutil.copy(ROOT / "studies/tiny/params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


@pytest.fixture(scope="session")
def tiny_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the results of the whole tiny study, committed.

    It is made once for all processes of a run, so take a copy.
    """
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny"
    with FileLock(f"{root}.lock"):
        if not root.exists():
            making = tmp_path_factory.mktemp("making")
            with pytest.MonkeyPatch.context() as patch:
                make_clone(making, patch, list(params.load(ROOT / "studies/tiny/params.yaml").variants))
                run("latentlab", "reproduce")
                commit("results")
            making.rename(root)
    return root


def enter_copy(clone: Path, root: Path, patch: pytest.MonkeyPatch) -> None:
    """Copy a clone with all that is in it to `root`. The process and its environment are in it afterwards."""
    shutil.copytree(clone, root, symlinks=True, dirs_exist_ok=True)
    enter(root, patch)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated, empty MLflow database: making one takes seconds."""
    from latentlab.tracking.place import Place
    from latentlab.tracking.store import Store

    root = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Store(Place.of(root))
    return (root / "mlflow.db").read_bytes()


@pytest.fixture(scope="session")
def forks() -> Iterator[Path]:
    """A folder for PATH whose `python` and `dvc` begin with large libraries."""
    with forking([*LIBRARIES, *TENSORFLOW], ("python", "dvc")) as folder:
        yield folder


@pytest.fixture(scope="module")
def kept_forks() -> Iterator[None]:
    """Runs in this process share what their stages are forked from."""
    from latentlab.runner import hosts, warm

    forks = warm.Warm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forks, "close", lambda: None)
        patch.setattr(hosts, "Warm", lambda: forks)
        yield
    forks.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: bytes) -> "Store":
    """The store of a project, with the process in it."""
    from latentlab.tracking.place import Place
    from latentlab.tracking.store import Store

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(database)
    monkeypatch.chdir(folder)
    return Store(Place.of(folder))


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The content of the tiny study, to be changed at will."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "studies/tiny/params.yaml")
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
