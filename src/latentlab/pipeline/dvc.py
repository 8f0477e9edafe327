"""What this project uses of DVC's Python parts, which promise nothing: `tests/pipeline/test_dvc.py` holds them to it.

Importing it takes a second: import it where it is used.
"""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.api import DVCFileSystem
from dvc.config import Config
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.experiments.refs import ExpRefInfo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.rwlock import RWLOCK_FILE
from dvc.stage import Stage
from dvc.stage.cache import RunCacheNotFoundError, _get_stage_hash
from dvc.utils.serialize import dumps_yaml, modify_yaml

from latentlab.config import paths, project
from latentlab.errors import UserError
from latentlab.pipeline import provenance
from latentlab.pipeline.lock import stages_in_lock
from latentlab.storage.replacing import replacing

__all__ = ["DvcException", "Repo", "Stage"]

# DVC writes files and databases of its own, which a full disk refuses
FAULTS = (DvcException, OSError, sqlite3.Error)


@contextmanager
def told() -> Iterator[None]:
    """Turn what DVC refuses or cannot write into a `UserError`."""
    try:
        yield
    except FAULTS as error:
        raise UserError(one_line(error)) from None


def one_line(error: BaseException) -> str:
    """What is wrong, and with what if it comes from the system."""
    kind = "" if isinstance(error, (DvcException, UserError)) else "DVC: "
    return kind + " ".join(str(error).split())


@contextmanager
def locked() -> Iterator[Repo]:
    """The project that the current folder is in, with DVC's lock held. What DVC refuses becomes a `UserError`."""
    with told(), Repo() as repo, repo.lock:
        _mend(Path(repo.tmp_dir, RWLOCK_FILE))
        yield repo


def _mend(rwlock: Path) -> None:
    """Remove what a killed `dvc repro` or a full disk has left of files that DVC writes in place, and then refuses.

    They are its note of who is at work, and a dvc.lock with nothing in it: the run cache has the results. Raises
    `UserError` if there is something in it that is damaged.
    """
    if rwlock.exists() and not _is_json(rwlock):
        rwlock.unlink()
    root = project.root()
    for lock in (root / paths.LOCK, *(root / paths.STUDIES).glob(f"*/{paths.LOCK}")):
        if lock.exists() and not lock.stat().st_size:
            lock.unlink()
        try:
            stages_in_lock(lock)
        except UserError as error:
            raise UserError(f"{error}; without it the run cache brings results back: rm {lock}") from None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def in_order(repo: Repo, targets: Iterable[str] = (str(paths.PIPELINE),)) -> dict[Stage, set[Stage]]:
    """The stages that `dvc repro` runs for targets, each with those that it waits for, these first.

    A target is a dvc.yaml, all of whose stages are meant, or a stage's name in the current folder, without its variant
    for those of all. A frozen stage waits for none. The order is the same each time, unlike that of a part of the
    graph. What DVC refuses becomes a `UserError`.
    """
    with told():
        graph = get_active_graph(repo.index.graph)
        roots = [stage for target in targets for stage in _stages_of(target, repo)]
        wanted = set(plan_repro(graph, roots))
        return {stage: set(graph.successors(stage)) for stage in plan_repro(graph) if stage in wanted}


def _stages_of(target: str, repo: Repo) -> list[Stage]:
    """Those in the graph. Collected anew they may be others: params.yaml can be edited at any time."""
    path, graph = Path(target).resolve(), repo.index.graph
    found = [stage for stage in graph if Path(stage.path).resolve() == path]
    if found:
        return found
    named = repo.stage.collect(target)  # fails if there is no such thing
    return [stage for stage in graph if stage in named]


def folder_of(stage: Stage) -> Path:
    """The folder with its dvc.yaml."""
    return Path(stage.path).parent


def name_in_lock(stage: Stage) -> str:
    """What dvc.lock calls a stage; empty for one that `dvc add` has made, which is in no lock."""
    return str(getattr(stage, "name", ""))


def status() -> dict[str, list[Any]]:
    """What `dvc status` says of the current folder's stages. What DVC refuses becomes a `UserError`."""
    with told(), Repo() as repo:
        try:
            found: dict[str, list[Any]] = repo.status(targets=[str(paths.PIPELINE)])
        except LockError:
            raise UserError("DVC is at work in this project") from None
    return found


def has_command(stage: Stage) -> bool:
    """Whether DVC runs something for it: `dvc add` makes stages that only watch a file, and a stage may be frozen."""
    return bool(stage.cmd) and not stage.frozen


def bring_up_to_date(stage: Stage) -> None:
    """What `dvc repro` does for a stage without a command: note what its file is like now. Nothing is removed."""
    if stage.reproduce():
        stage.dump(update_pipeline=False)


def brought_back(stage: Stage) -> bool:
    """Take a changed stage's outputs from the run cache. If they are not there, get ready to run its command.

    Old outputs are removed as `dvc repro` does. Dependencies are hashed now: what changes while the command runs must
    not count as used.
    """
    stage.remove_outs(ignore_remove=False, force=False)
    try:
        stage.repo.stage_cache.restore(stage)
    except RunCacheNotFoundError:
        stage.save_deps()
        return False
    record(stage)
    return True


def command(stage: Stage) -> tuple[str, Path, dict[str, str]]:
    """A stage's command, or each of them up to one that fails; its folder; the variables that DVC sets for it."""
    text = stage.cmd if isinstance(stage.cmd, str) else " && ".join(f"( {one} )" for one in stage.cmd)
    return text, Path(stage.wdir), {"DVC_ROOT": stage.repo.root_dir, "DVC_STAGE": stage.addressing}


def record(stage: Stage) -> None:
    """Hash the outputs, put them into the cache and the stage into dvc.lock."""
    stage.save()
    stage.commit()
    with _rewriting(Path(stage.path).with_name(paths.LOCK.name)) as copy:
        Lockfile(stage.repo, str(copy)).dump(stage)


@contextmanager
def _rewriting(lock: Path) -> Iterator[Path]:
    """A copy of a dvc.lock, if there is one, that takes its place when the block ends well.

    DVC writes in place, and a stage that fails at this moment looks there for the outputs that it had.
    """
    with replacing(lock) as copy:
        if lock.exists():
            shutil.copyfile(lock, copy)
        else:
            copy.unlink()
        yield copy


def sort_lock(order: Sequence[str], path: Path) -> None:
    """Put the stages in the dvc.lock at `path`, if there is one, into an order, those that it does not name last."""
    found = list(stages_in_lock(path))
    wanted = [name for name in order if name in found]
    wanted += [name for name in found if name not in wanted]
    if found != wanted:
        with _rewriting(path) as copy, modify_yaml(str(copy)) as lock:
            lock["stages"] = {name: lock["stages"][name] for name in wanted}


def drop_from_lock(path: Path, names: Sequence[str]) -> None:
    """Remove stages from the dvc.lock at `path`."""
    if names:
        with _rewriting(path) as copy, modify_yaml(str(copy)) as lock:
            for name in names:
                lock["stages"].pop(name, None)


def lock_with(lock: Path, other: Path) -> str:
    """The text of a dvc.lock with the stages of another one in place of its own."""
    text: str = dumps_yaml({"schema": "2.0", "stages": {**stages_in_lock(lock), **stages_in_lock(other)}})
    return text


def experiment_ref(commit: str, name: str) -> str:
    """The git reference of an experiment that is based on a commit."""
    return str(ExpRefInfo(commit, name))


def forget_run(name: str) -> None:
    """Remove what the run cache has of a stage for the dependencies that dvc.lock says."""
    with Repo() as repo:
        for stage in repo.stage.collect(name):
            key = _get_stage_hash(stage)
            shutil.rmtree(Path(repo.stage_cache.cache_dir, key[:2], key), ignore_errors=True)


def in_cache(hashes: Iterable[str]) -> set[str]:
    """Those of the MD5 hashes whose content the project's cache has; none outside a project."""
    try:
        with Repo() as repo:
            return {each for each in hashes if repo.cache.local.exists(each)}
    except DvcException:
        return set()


def cache_folder(root: Path) -> Path:
    """Where the project in a folder keeps its cache. Nothing is made there, unlike by `Repo`. Raises `UserError`."""
    with told():
        folder = Config(str(root / project.MARK))["cache"].get("dir")
    return Path(folder or root / project.MARK / "cache")


def keep_outputs() -> None:
    """Put the outputs of the current folder's stages into the cache, as far as they are what dvc.lock says."""
    with locked() as repo:
        for stage in in_order(repo):
            for output in stage.outs:
                if output.use_cache and output.hash_info and output.exists and not output.changed_checksum():
                    output.commit()


def check_out_outputs(target: str) -> None:
    """Bring back the outputs that dvc.lock has of a stage, as far as cache or git have them. Raises `UserError`.

    The stage is one of the current folder, or of that of a dvc.yaml: `path/dvc.yaml:name`.
    """
    with told(), Repo() as repo:
        for stage in repo.stage.collect(target):
            for output in stage.outs:
                if output.use_cache and output.hash_info and not output.changed_cache():
                    output.checkout(force=True)
                elif not output.use_cache and output.hash_info and not output.exists:
                    _bring_back(Path(output.fs_path), output.hash_info.value, repo)


def _bring_back(path: Path, value: str, repo: Repo) -> None:
    """A file that is in git: the run cache has its content, if the stage ran here, else the last commit may."""
    cached = Path(repo.cache.local.oid_to_path(value))
    committed = provenance.git("show", f"HEAD:./{path.name}", folder=path.parent) if path.parent.is_dir() else None
    content = cached.read_bytes() if cached.is_file() else (committed or "").encode(errors="surrogateescape")
    if hashlib.md5(content).hexdigest() == value:
        with replacing(path) as temporary:
            temporary.write_bytes(content)


def files_of(commit: str) -> Any:
    """The files of a commit, those in the cache or a remote included, as an fsspec file system."""
    return DVCFileSystem(url=str(project.root()), rev=commit)
