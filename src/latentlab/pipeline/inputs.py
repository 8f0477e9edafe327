"""What determines a variant's result: the plans of its stages and the prepared data. Their key is what identifies it.

The same `Inputs` come from the workspace before a stage has run, and from dvc.lock and git afterwards, on any machine.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.config.settings import flattened
from latentlab.config.stages import EACH_VARIANT, name_of
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import entries, hashes
from latentlab.pipeline.plan import Plan

SINCE = ("classifier",)  # stages that results from before them are whole without
DATA = (*(paths.prepared(split) for split in paths.SPLITS), paths.CARD, paths.CLASSES)


@dataclass(frozen=True)
class Inputs:
    """The plan of each stage that runs for a variant, `prepare` included, and the MD5 of each file of prepared data."""

    plans: Mapping[str, Plan]
    data: Mapping[str, str]

    @property
    def key(self) -> str:
        """SHA-256 of everything."""
        return fingerprint({"plans": {stage: plan.text for stage, plan in self.plans.items()}, "data": self.data})

    @property
    def code(self) -> str:
        """SHA-256 of the source and the libraries alone."""
        return fingerprint({stage: [plan.code, plan.libraries] for stage, plan in self.plans.items()})

    def settings(self) -> dict[str, Any]:
        """The parameters as a run shows them: the variant's own by their name, those of a stage as `tsne/points`.

        `seed` is that of the training; the study's stands beside it if it is another.
        """
        merged: dict[str, Any] = {}
        for plan in self.plans.values():
            merged |= plan.parameters
        whole, own = merged.get("seed"), self.plans["train"].parameters.get("seed")
        seeds = {"seed": own} | ({} if whole == own else {"prepare/seed": whole})
        return dict(flattened(merged | merged.pop("variant", {}) | seeds, "/"))


def fingerprint(content: Any) -> str:
    """SHA-256 of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def stages_of(variant: str) -> dict[str, str]:
    """The stages that a variant's result comes from, with the name that DVC gives each."""
    shared = {stage: stage for stage in ("prepare", "classifier")}
    return shared | {stage: name_of(stage, variant) for stage in EACH_VARIANT}


def planned(variant: str) -> Inputs:
    """The inputs of a result that is about to be made, from the workspace. Raises `UserError`."""
    plans = {stage: Plan.load(paths.plan(name)) for stage, name in stages_of(variant).items()}
    return Inputs(plans, {path.as_posix(): md5(path) for path in DATA})


@dataclass(frozen=True)
class Recorded:
    """A result in dvc.lock: what it was made from, the MD5 of each of its files, and a hash of each stage's entry."""

    inputs: Inputs
    outputs: dict[str, str]
    stages: dict[str, str]


def recorded(lock: Mapping[str, Any], variant: str, read: Callable[[Path], str]) -> Recorded:
    """What dvc.lock says of a variant; `read` gives the text of a plan from where the lock is from.

    Raises `UserError` if a stage is missing, if the stages are of different runs of the pipeline, as after one that was
    stopped between them, or if a plan has changed since.
    """
    stages = entries(lock)
    names = {stage: name for stage, name in stages_of(variant).items() if name in stages or stage not in SINCE}
    for name in names.values():
        if name not in stages:
            raise UserError(f"dvc.lock: found no stage {name}; `dvc repro` adds it")
    found = {stage: stages[name] for stage, name in names.items()}
    written = {path: value for entry in found.values() for path, value in hashes(entry, "outs").items()}
    plans = {}
    for stage, name in names.items():
        needed = hashes(found[stage], "deps")
        if any(written[path] != value for path, value in needed.items() if path in written):
            raise UserError(f"dvc.lock: {name} is older than the stages before it; `dvc repro` mends it")
        plans[stage] = _plan(paths.plan(name), needed, read)
    outputs = {path: value for stage in EACH_VARIANT for path, value in hashes(found[stage], "outs").items()}
    data = {path: value for path, value in written.items() if Path(path) in DATA}
    return Recorded(Inputs(plans, data), outputs, {stage: fingerprint(entry) for stage, entry in found.items()})


def _plan(path: Path, needed: Mapping[str, str], read: Callable[[Path], str]) -> Plan:
    """The plan that a stage was run with."""
    if path.as_posix() not in needed:
        raise UserError(f"dvc.lock: found no {path} among the files that its stage read; `dvc repro` adds it")
    text = read(path)
    if hashlib.md5(text.encode()).hexdigest() != needed[path.as_posix()]:
        raise UserError(f"{path}: is not what dvc.lock says; `dvc repro` makes both agree")
    return Plan.of_text(text, str(path))
