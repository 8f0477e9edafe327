"""`latentlab track --all`: the results of every commit and of every experiment of DVC, from its cache or remote."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from latentlab.config import paths, project
from latentlab.config.variants import NAME, NAMES
from latentlab.errors import UserError
from latentlab.pipeline import provenance
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.inputs import recorded
from latentlab.storage.yaml import parse_yaml
from latentlab.tracking.access import hidden
from latentlab.tracking.bring import bring
from latentlab.tracking.place import Place
from latentlab.tracking.result import Result


@dataclass(frozen=True)
class Found:
    """A study in a commit: the folder that it has in the project."""

    commit: str
    folder: Path

    def name(self, path: Path = Path()) -> str:
        """A file of it, or all of it, as messages call it."""
        within = self.folder / path
        return self.commit[:9] if within == Path() else f"{self.commit[:9]}:{within}"


def track_revisions() -> str:
    """Bring the results of all studies in all revisions into MLflow; a line on what that changed.

    Results whose files are neither in the cache nor in a remote are counted, as are those that are not whole.
    Raises `UserError` if MLflow cannot be used or this is no git repository.
    """
    found = revisions()
    faults: list[str] = []
    with ExitStack() as stack:
        results = _results(tqdm(found, desc="revisions", disable=None), stack, faults)
        summary = bring(results, Place.of(Path()), faults)
    left_out = f"; {len(faults)} results left out, the first: {faults[0]}" if faults else ""
    commits = len({each.commit for each in found})
    return f"{summary} of {commits} revisions{left_out}"


def track_experiment(commit: str, folder: Path, variant: str, tags: Mapping[str, str]) -> str:
    """Bring one variant's result in a commit into MLflow, of the study in a folder; a line on what that changed.

    Raises `UserError`.
    """
    others: list[str] = []  # faults of other variants, whose files need not be here
    faults: list[str] = []
    with ExitStack() as stack:
        results = _results([Found(commit, folder)], stack, others)
        ours = [replace(each, tags={**each.tags, **tags}) for each in results if each.variant == variant]
        summary = bring(ours, Place.of(Path()), faults)
    if faults or not ours:
        raise UserError([*faults, *others, f"{commit[:9]}: found no variant {variant}"][0])
    return str(summary)


def revisions() -> list[Found]:
    """Studies in commits of all branches, tags and experiments, with another dvc.lock or params.yaml than before.

    Oldest first. Raises `UserError` outside a git repository.
    """
    root = project.root()
    wanted = ["--", str(paths.LOCK), str(paths.STUDIES / "*" / paths.LOCK)]
    listed = provenance.git("log", "--all", "--full-history", "--reverse", "--format=%H", *wanted, folder=root)
    if listed is None:
        raise UserError("track --all: found no git repository, allowed: a clone of the project")
    seen, chosen = set(), []
    for commit in listed.split():
        for folder, hashes in _studies(commit, root).items():
            if (folder, hashes) not in seen:
                seen.add((folder, hashes))
                chosen.append(Found(commit, folder))
    return chosen


def _studies(commit: str, root: Path) -> dict[Path, tuple[str, str]]:
    """Folders of the studies that have been run, with git's hashes of dvc.lock and params.yaml."""
    where = ["--", str(paths.LOCK), str(paths.PARAMS), f"{paths.STUDIES}/"]
    listed = provenance.git("ls-tree", "-r", "-z", commit, *where, folder=root) or ""
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    files = {Path(name): about.split()[2] for about, _, name in entries}
    pairs = {path.parent: (path, path.parent / paths.PARAMS) for path in files if path.name == paths.LOCK.name}
    return {
        folder: (files[lock], files[parameters])
        for folder, (lock, parameters) in pairs.items()
        if parameters in files and _is_study(folder)
    }


def _is_study(folder: Path) -> bool:
    return folder == Path() or (folder.parent == paths.STUDIES and NAME.fullmatch(folder.name) is not None)


def experiments() -> dict[str, str]:
    """Names of DVC's experiments by commit."""
    listed = provenance.git("for-each-ref", "--format=%(objectname) %(refname:lstrip=4)", "refs/exps") or ""
    return {commit: name for commit, _, name in (line.partition(" ") for line in listed.splitlines()) if name}


def _results(found: Iterable[Found], stack: ExitStack, faults: list[str]) -> Iterator[Result]:
    names = experiments()
    for each in found:
        revision, commit = Revision(each, stack), each.commit
        try:
            lock, p = (parse_yaml(revision.text(path), each.name(path)) for path in (paths.LOCK, paths.PARAMS))
            study, variants = checked_names(p, each)
        except UserError as error:
            faults.append(str(error))
            continue
        requirements = revision.text_of_project(paths.REQUIREMENTS)
        tags = {"git.commit": commit, "git.dirty": "false", **provenance.pinned_tags(requirements)}
        if commit in names:
            tags["dvc.experiment"] = names[commit]
        for variant in variants:
            try:
                result = recorded(lock, variant, revision.text)
            except UserError as error:
                faults.append(f"{each.name()}: {error}")
                continue
            command = provenance.command(commit, variant, each.folder)
            yield Result(study, variant, result, revision, tags | {"command": command})


def checked_names(p: Mapping[str, Any], found_in: Found) -> tuple[str, list[str]]:
    """The study and the variants of a parameter file that may be anybody's: they become paths. Raises `UserError`."""
    where, folder = found_in.name(paths.PARAMS), found_in.folder.name
    variants = p.get("variants")
    study, *others = found = [p.get("study"), *(variants if isinstance(variants, dict) else [])]
    for name in found:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(f"{where}: found the name {name!r}, allowed: {NAMES}")
    if folder not in ("", study):
        raise UserError(f"{where}: study: found {study!r}, allowed: {folder!r}, the name of its folder")
    return study, others


class Revision:
    """The files of a study in a commit, brought to a temporary folder when they are asked for."""

    def __init__(self, found: Found, stack: ExitStack) -> None:
        self.found = found
        self.stack = stack

    def text(self, path: Path) -> str:
        """A file that is in git; empty if it is not."""
        return self.text_of_project(self.found.folder / path)

    def text_of_project(self, path: Path) -> str:
        """The same, of a file that is no study's."""
        return provenance.git("show", f"{self.found.commit}:./{path}", folder=project.root()) or ""

    def get(self, path: Path, expected: str) -> Path:
        """A file or folder from git, from DVC's cache or from its remote."""
        copy = self.folder / path
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.files.get((self.found.folder / path).as_posix(), str(copy), recursive=True)
            except Exception as error:  # each kind of remote has its own
                reason = " ".join(hidden(str(error)).split()) or type(error).__name__
                raise UserError(f"{self.found.name(path)}: in no cache and no remote ({reason[:200]})") from None
        if md5(copy) != expected:
            raise UserError(f"{self.found.name(path)}: is not what dvc.lock says")
        return copy

    @cached_property
    def folder(self) -> Path:
        """Where they are brought."""
        return Path(self.stack.enter_context(tempfile.TemporaryDirectory()))

    @cached_property
    def files(self) -> Any:
        """The commit as DVC sees it."""
        from latentlab.pipeline.dvc import files_of  # takes a second

        return files_of(self.found.commit)
