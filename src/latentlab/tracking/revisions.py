"""`latentlab track --all`: the results of every commit and of every experiment of DVC, from its cache or remote."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from latentlab.config import paths
from latentlab.config.params import NAME
from latentlab.errors import UserError
from latentlab.pipeline import provenance
from latentlab.pipeline.inputs import md5, recorded
from latentlab.storage.yaml import parse_yaml
from latentlab.tracking.bring import bring
from latentlab.tracking.place import Place
from latentlab.tracking.result import Result


def track_revisions() -> str:
    """Bring the results of all revisions into MLflow; a line on what that changed.

    Results whose files are neither in the cache nor in a remote are counted, as are those that are not whole.
    Raises `UserError` if MLflow cannot be used or this is no git repository.
    """
    found = revisions()
    faults: list[str] = []
    with ExitStack() as stack:
        results = _results(tqdm(found, desc="revisions", disable=None), stack, faults)
        summary = bring(results, Place.of(Path()), faults)
    left_out = f"; {len(faults)} results left out, the first: {faults[0]}" if faults else ""
    return f"{summary} of {len(found)} revisions{left_out}"


def revisions() -> list[str]:
    """Commits of all branches, tags and experiments that hold another dvc.lock or params.yaml than those before.

    Oldest first. Raises `UserError` outside a git repository.
    """
    listed = provenance.git("log", "--all", "--full-history", "--reverse", "--format=%H", "--", str(paths.LOCK))
    if listed is None:
        raise UserError("track --all: found no git repository, allowed: a clone of the project")
    seen, chosen = set(), []
    for commit in listed.split():
        tree = tuple(provenance.git("rev-parse", f"{commit}:{path}") for path in (paths.LOCK, paths.PARAMS))
        if None not in tree and tree not in seen:
            seen.add(tree)
            chosen.append(commit)
    return chosen


def experiments() -> dict[str, str]:
    """Names of DVC's experiments by commit."""
    listed = provenance.git("for-each-ref", "--format=%(objectname) %(refname:lstrip=4)", "refs/exps") or ""
    return {commit: name for commit, _, name in (line.partition(" ") for line in listed.splitlines()) if name}


def _results(commits: Any, stack: ExitStack, faults: list[str]) -> Iterator[Result]:
    names = experiments()
    for commit in commits:
        revision = Revision(commit, stack)
        try:
            lock, p = (parse_yaml(revision.text(path), f"{commit[:9]}:{path}") for path in (paths.LOCK, paths.PARAMS))
            study, variants = checked_names(p, f"{commit[:9]}:{paths.PARAMS}")
        except UserError as error:
            faults.append(str(error))
            continue
        tags = {"git.commit": commit, "git.dirty": "false", **provenance.pinned_tags(revision.text(paths.REQUIREMENTS))}
        if commit in names:
            tags["dvc.experiment"] = names[commit]
        for variant in variants:
            try:
                found = recorded(lock, variant, revision.text)
            except UserError as error:
                faults.append(f"{commit[:9]}: {error}")
                continue
            command = provenance.command(commit, variant)
            yield Result(study, variant, found, revision, tags | {"command": command})


def checked_names(p: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    """The study and the variants of a parameter file that may be anybody's: they become paths. Raises `UserError`."""
    variants = p.get("variants")
    study, *others = found = [p.get("study"), *(variants if isinstance(variants, dict) else [])]
    for name in found:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(f"{where}: found the name {name!r}, allowed: a-z, 0-9 and _, a letter first")
    return study, others


class Revision:
    """The files of a commit, brought to a temporary folder when they are asked for."""

    def __init__(self, commit: str, stack: ExitStack) -> None:
        self.commit = commit
        self.stack = stack

    def text(self, path: Path) -> str:
        """A file that is in git; empty if it is not."""
        return provenance.git("show", f"{self.commit}:{path}") or ""

    def get(self, path: Path, expected: str) -> Path:
        """A file or folder from git, from DVC's cache or from its remote."""
        copy = self.folder / path
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.files.get(path.as_posix(), str(copy), recursive=True)
            except Exception as error:  # each kind of remote has its own
                reason = " ".join(str(error).split()) or type(error).__name__
                raise UserError(f"{self.commit[:9]}:{path}: in no cache and no remote ({reason[:200]})") from None
        if md5(copy) != expected:
            raise UserError(f"{self.commit[:9]}:{path}: is not what dvc.lock says")
        return copy

    @cached_property
    def folder(self) -> Path:
        """Where they are brought."""
        return Path(self.stack.enter_context(tempfile.TemporaryDirectory()))

    @cached_property
    def files(self) -> Any:
        """The commit as DVC sees it."""
        from latentlab.pipeline.dvc import files_of  # takes a second

        return files_of(self.commit)
