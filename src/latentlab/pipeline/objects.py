"""Contents of files by their hash, between a workspace, a cache and a remote: inner parts of DVC's, as in `dvc.py`."""

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import Stage
from dvc_data.hashfile import load
from dvc_data.hashfile.build import build
from dvc_data.hashfile.checkout import checkout
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.transfer import transfer
from dvc_data.hashfile.tree import Tree

from latentlab.errors import UserError
from latentlab.pipeline.dvc import one_line
from latentlab.storage.replacing import replacing

# what a remote's section may say to other machines; secrets are for each to have in its own environment
OPEN = ("url", "endpointurl", "region", "profile", "port", "user", "account_name", "projectname", "ssl_verify", "jobs")
LARGEST = 64 * 2**20  # bytes of files that no remote has, which travel with a stage

_ALONE = threading.Lock()  # DVC's parts are for one thread at a time


@dataclass
class Files:
    """Files by their path from the project's root: the MD5 of those in DVC's cache, the content of others."""

    cached: dict[str, str] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)


def needed_by(stage: Stage) -> Files:
    """What a stage's command reads, as DVC was told. Raises `UserError`."""
    files = Files()
    outputs = [output for each in stage.repo.index.graph for output in each.outs]
    for dependency in stage.deps:
        path = Path(dependency.fs_path)
        found = [each for each in outputs if _overlap(Path(each.fs_path), path)]
        for output in found:
            if output.use_cache and output.hash_info:
                files.cached[_inside(output, stage.repo)] = str(output.hash_info.value)
            elif not output.use_cache:
                _add_contents(files, path if path.is_relative_to(output.fs_path) else Path(output.fs_path), stage.repo)
        if not found:
            _add_contents(files, path, stage.repo)
    size = sum(map(len, files.others.values()))
    if size > LARGEST:
        raise UserError(
            f"{stage.addressing}: found {size / 1e6:,.0f} MB of files that DVC does not keep, allowed: "
            f"{LARGEST / 1e6:,.0f} MB; `dvc add` keeps them"
        )
    return files


def made_by(stage: Stage) -> tuple[list[str], list[str]]:
    """Paths of a stage's outputs from the project's root: those that DVC's cache keeps, and others."""
    kept = [_inside(output, stage.repo) for output in stage.outs if output.use_cache]
    return kept, [_inside(output, stage.repo) for output in stage.outs if not output.use_cache]


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _inside(output: Output, repo: Repo) -> str:
    return Path(output.fs_path).relative_to(repo.root_dir).as_posix()


def _add_contents(files: Files, path: Path, repo: Repo) -> None:
    if not path.is_relative_to(repo.root_dir):
        raise UserError(f"{path}: is outside the project, allowed: a dependency inside, which can travel to a worker")
    for each in [path] if path.is_file() else sorted(path.rglob("*")):
        if each.is_file():
            files.others[each.relative_to(repo.root_dir).as_posix()] = each.read_bytes()


def remote_of(repo: Repo) -> dict[str, str]:
    """The default remote as other machines are to see it, without secrets. Raises `UserError` if there is none."""
    return {key: value for key, value in whole_remote(repo).items() if key in OPEN}


def whole_remote(repo: Repo) -> dict[str, str]:
    """The default remote with all that is known of it. Raises `UserError` if there is none."""
    name = repo.config["core"].get("remote")
    if name not in repo.config["remote"]:
        raise UserError(
            "DVC: found no default remote, allowed: one that all machines reach; `dvc remote add -d` adds it"
        )
    return {key: str(value) for key, value in repo.config["remote"][name].items()}


def make_project(folder: Path, remote: Mapping[str, str], cache: Path) -> None:
    """A project without git in an empty folder, with a remote, if one is given, and this cache. Raises `UserError`."""
    logging.getLogger("dvc").setLevel(logging.WARNING)  # it would tell how to go on from here
    with _transferring("init"), Repo.init(str(folder), no_scm=True) as repo, repo.config.edit("local") as config:
        config["core"] |= {"no_scm": True, "analytics": False, "check_update": False}
        config["cache"] = {"dir": str(cache), "type": ["reflink", "copy"]}
        if remote:
            config["core"]["remote"] = "shared"
            config["remote"] = {"shared": dict(remote)}


@contextmanager
def _transferring(way: str) -> Iterator[None]:
    """DVC for one thread, and what goes wrong there as a `UserError`."""
    with _ALONE:
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # each kind of remote has its own
            raise UserError(f"DVC, {way}: {one_line(error) or type(error).__name__}") from None


def push(repo: Repo, hashes: Iterable[str]) -> None:
    """From the cache to the remote, as far as that has not got it. Raises `UserError`."""
    with _transferring("push"):
        wanted = _infos(hashes)
        _check(repo.cloud.push(wanted | _inner(repo, wanted)).failed, "push")


def pull(repo: Repo, hashes: Iterable[str]) -> None:
    """From the remote to the cache, as far as that has not got it. Raises `UserError`."""
    with _transferring("pull"):
        wanted = _infos(hashes)
        _pull(repo, wanted)  # of folders it has what tells their files
        _pull(repo, _inner(repo, wanted))


def _pull(repo: Repo, wanted: set[HashInfo]) -> None:
    failed = repo.cloud.pull(wanted).failed
    _check(failed or {each for each in wanted if not repo.cache.local.exists(each.value)}, "pull")


def _check(failed: Collection[HashInfo], way: str) -> None:
    if failed:
        first = min(str(each.value) for each in failed)
        raise UserError(f"DVC, {way}: {len(failed)} files cannot be had, {first} among them")


def _infos(hashes: Iterable[str]) -> set[HashInfo]:
    return {HashInfo("md5", value) for value in hashes}


def _inner(repo: Repo, infos: Iterable[HashInfo]) -> set[HashInfo]:
    """The files of those that are folders in the cache: a folder's own object has but their hashes."""
    return {inner for info in infos if info.isdir for _, _, inner in Tree.load(repo.cache.local, info)}


def check_out(repo: Repo, files: Mapping[str, str]) -> None:
    """Put what the cache has by these MD5 hashes to paths in the workspace. Raises `UserError`."""
    cache = repo.cache.local
    with _transferring("checkout"):
        for path, value in files.items():
            target = Path(repo.root_dir, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            checkout(str(target), repo.fs, load(cache, HashInfo("md5", value)), cache, force=True, quiet=True)


def keep(repo: Repo, paths: Iterable[str]) -> dict[str, str]:
    """Put files and folders of the workspace into the cache; their MD5 hashes. Raises `UserError`."""
    cache, found = repo.cache.local, {}
    with _transferring("cache"):
        for path in paths:
            target = Path(repo.root_dir, path)
            if not target.exists():
                raise UserError(f"{path}: was not made by the stage")
            staging, _, made = build(cache, str(target), repo.fs, "md5")
            transfer(staging, cache, {made.hash_info}, shallow=False, hardlink=False)
            found[path] = str(made.hash_info.value)
    return found


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Contents to their paths below a folder."""
    for path, content in files.items():
        with replacing(root / path) as temporary:
            temporary.write_bytes(content)
