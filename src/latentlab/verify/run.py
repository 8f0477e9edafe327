"""`latentlab verify`: from a study's name to the report."""

import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from latentlab.config import paths, project, studies
from latentlab.errors import UserError
from latentlab.pipeline import provenance
from latentlab.pipeline.lock import hashes, stages_in_lock
from latentlab.runner.signals import heeding
from latentlab.storage.yaml import read_yaml
from latentlab.verify import plans
from latentlab.verify.clone import Clone, NotVerifiedError, bring_raw, cloned, commit_of, has_changes, put_aside
from latentlab.verify.contents import Contents
from latentlab.verify.judge import Judge
from latentlab.verify.outputs import Entry
from latentlab.verify.remake import Remade, ended_by, remake, targets
from latentlab.verify.report import Report, StageReport, Verdict

HEAD = "HEAD"


def verify(names: Sequence[str], revision: str = HEAD, jobs: int | None = None) -> Report:
    """Make a study's committed results again and compare.

    `names` are its own, if it is another than that of the current folder, and variants; without them all of it is made.
    Nothing of the user's is changed. Raises `UserError` for what does not exist, `NotVerifiedError` if nothing can be
    made, and `EndedError`.
    """
    root = project.root()
    study, variants = _study_and_variants(names)
    commit = commit_of(revision, root)
    if has_changes(root):
        _say("uncommitted changes are not looked at: what is committed is verified")
    with heeding(_end), cloned(root, commit) as clone:
        inner = clone.root / study.relative_to(root)
        if not (inner / paths.PARAMS).exists():
            raise UserError(f"{study}: not in {revision}, allowed: a study that is committed there")
        return _verified(clone, inner, study, commit, variants, jobs)


def _end(number: int) -> None:
    raise ended_by(number)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _study_and_variants(names: Sequence[str]) -> tuple[Path, list[str]]:
    folder = studies.find(names[0]) if names else None
    if folder:
        return folder.resolve(), list(names[1:])
    return studies.current_folder().resolve(), list(names)


def _verified(clone: Clone, inner: Path, study: Path, commit: str, variants: list[str], jobs: int | None) -> Report:
    start = time.perf_counter()
    put_aside(clone, inner)
    recorded = stages_in_lock(clone.committed / paths.LOCK)
    wanted = _wanted(inner, variants, recorded)
    raw = hashes(recorded.get("prepare", {}), "deps").get(paths.RAW.as_posix(), "")
    if fault := bring_raw(study, inner, raw):
        _say(fault)
    made = remake(clone, inner, wanted, jobs)
    from latentlab.pipeline.dvc import cache_folder  # DVC is imported by now

    contents = Contents(cache_folder(project.root()), clone.committed)
    judge = Judge(recorded, made.lock, contents, inner, partial(plans.find, clone.committed, inner, commit))
    reports = list(_reports(judge, made))
    if not variants:
        reports += _not_recorded(_variants(inner), recorded, made)
    classes = (judge.numerics(name.partition("@")[2])[1] for name in made.lock if "@" in name)
    seconds = time.perf_counter() - start
    return Report(_name(inner), commit, reports, seconds, provenance.cpu(), next(filter(None, classes), None))


def _wanted(inner: Path, variants: Sequence[str], recorded: Mapping[str, Entry]) -> list[str]:
    """The stages to ask for. Raises `UserError` and `NotVerifiedError`."""
    known = _variants(inner)
    for each in variants:
        if each not in known:
            raise UserError(f"verify: found {each!r}, allowed: a study, or variants of it: {', '.join(known)}")
        if f"evaluate@{each}" not in recorded:
            raise NotVerifiedError(f"dvc.lock: found no evaluate@{each}, allowed: variants with committed results")
    there = read_yaml(inner / paths.PIPELINE).get("stages") or {}
    names = [name for name in recorded if _exists(name, there, known)]
    found = targets(names, variants)
    if not found:
        raise NotVerifiedError("dvc.lock: found no results, allowed: a study with some; `latentlab reproduce`")
    return found


def _exists(name: str, stages: Container[str], variants: Container[str]) -> bool:
    """Whether the pipeline still has a stage of dvc.lock."""
    stage, separator, variant = name.partition("@")
    return stage in stages and (not separator or variant in variants)


def _variants(inner: Path) -> list[str]:
    found = read_yaml(inner / paths.PARAMS).get("variants")
    return [str(name) for name in found] if isinstance(found, dict) else []


def _reports(judge: Judge, made: Remade) -> Iterator[StageReport]:
    for name in made.order:
        if name in made.failed:
            lines = made.failed[name]
            yield StageReport(name, Verdict.FAILED if lines else Verdict.LEFT_OUT, lines=lines)
        else:
            yield judge.judge(name)


def _not_recorded(variants: Iterable[str], recorded: Mapping[str, Entry], made: Remade) -> Iterator[StageReport]:
    """Variants without results, which are not made."""
    for name in (f"evaluate@{variant}" for variant in variants):
        if name not in recorded and name not in made.order:
            yield StageReport(name, Verdict.NOT_RECORDED)


def _name(inner: Path) -> str:
    return str(read_yaml(inner / paths.PARAMS).get("study", inner.name))
