"""What determines a variant's result: parameters, data and code, as DVC plans and records them.

The same `Inputs` come from dvc.yaml and the workspace before a stage has run, and from dvc.lock afterwards, on any
machine. Their key is what identifies a result.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.config.settings import flattened
from latentlab.errors import UserError
from latentlab.storage.yaml import read_yaml

STAGES = ("train", "extract", "tsne", "evaluate", "plot")  # those that run for each variant
PREFIX = "variants."

Entries = dict[str, dict[str, Any]]  # stage -> its entry in dvc.lock


@dataclass(frozen=True)
class Inputs:
    """Parameters by the name that they have in params.yaml, and the MD5 of each file that is no result itself."""

    params: dict[str, Any]
    files: dict[str, str]

    @property
    def key(self) -> str:
        """SHA-256 of everything."""
        return fingerprint({"params": self.params, "files": self.files})

    @property
    def code(self) -> str:
        """SHA-256 of the source and the locked libraries alone."""
        return fingerprint({path: md5 for path, md5 in self.files.items() if not path.startswith("data/")})

    def settings(self, variant: str) -> dict[str, Any]:
        """The parameters as a run shows them: the variant's own by their name, those of a stage as `tsne/points`."""
        own: dict[str, Any] = self.params.get(PREFIX + variant, {})
        others = {name: value for name, value in self.params.items() if not name.startswith(PREFIX)}
        return dict(flattened(others | own, "/"))


def fingerprint(content: Any) -> str:
    """SHA-256 of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def planned(variant: str, root: Path = Path()) -> Inputs:
    """The inputs of a result that is about to be made, from dvc.yaml, params.yaml and the files below `root`."""
    values = read_yaml(root / paths.PARAMS)
    blocks = pipeline(values, variant, root)
    names = {name for block in blocks.values() for name in block["params"]}
    own = {path for stage in STAGES for path in outputs(blocks[stage])}
    read = {path for stage in STAGES for path in blocks[stage]["deps"]} - own
    return Inputs({name: value_of(values, name) for name in names}, {path: md5(root / path) for path in read})


def pipeline(values: Mapping[str, Any], variant: str, root: Path = Path()) -> dict[str, Any]:
    """The stages of dvc.yaml that a variant's result comes from, with the `values` of params.yaml filled in."""
    stages = read_yaml(root / paths.PIPELINE)["stages"]
    context = {**values, "key": variant, "item": values["variants"][variant]}
    return {stage: _filled_in(stages[stage].get("do", stages[stage]), context) for stage in ("prepare", *STAGES)}


def _filled_in(block: Any, context: Mapping[str, Any]) -> Any:
    """A stage of dvc.yaml with its `${...}` replaced."""
    if isinstance(block, str):
        return re.sub(r"\$\{([\w.]+)\}", lambda match: str(value_of(context, match[1])), block)
    if isinstance(block, list):
        return [_filled_in(item, context) for item in block]
    if isinstance(block, dict):
        return {_filled_in(key, context): _filled_in(value, context) for key, value in block.items()}
    return block


def value_of(values: Mapping[str, Any], name: str) -> Any:
    """A parameter by its name, `prepare.dataset`."""
    found: Any = values
    for part in name.split("."):
        found = found[part]
    return found


def outputs(block: Mapping[str, Any]) -> Iterable[str]:
    """Paths of a stage's outputs; one with options is a dict of one key."""
    for kind in ("outs", "metrics", "plots"):
        for item in block.get(kind, []):
            yield item if isinstance(item, str) else next(iter(item))


def md5(path: Path) -> str:
    """The hash that DVC gives a file, or a folder (`.dir` at its end). Raises `UserError` if there is none."""
    try:
        if path.is_dir():
            files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
            entries = [{"md5": md5(files[name]), "relpath": name} for name in sorted(files)]
            return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


@dataclass(frozen=True)
class Recorded:
    """A result in dvc.lock: what it was made from, the MD5 of each of its files, and a hash of each stage's entry."""

    inputs: Inputs
    outputs: dict[str, str]
    stages: dict[str, str]


def recorded(lock: Mapping[str, Any], variant: str) -> Recorded:
    """What dvc.lock says of a variant.

    Raises `UserError` if a stage is missing, or if the stages are of different runs of the pipeline, as after one that
    was stopped between them.
    """
    stages: Entries = lock.get("stages", {})
    names = {stage: stage if stage == "prepare" else f"{stage}@{variant}" for stage in ("prepare", *STAGES)}
    for name in names.values():
        if name not in stages:
            raise UserError(f"dvc.lock: found no stage {name}; `dvc repro` adds it")
    entries = {stage: stages[name] for stage, name in names.items()}
    written = {out["path"]: out["md5"] for entry in entries.values() for out in entry.get("outs", [])}
    inputs: dict[str, str] = {}
    params: dict[str, Any] = {}
    for stage, entry in entries.items():
        found = {dep["path"]: dep["md5"] for dep in entry.get("deps", [])} if stage != "prepare" else {}
        settings = entry.get("params", {}).get(paths.PARAMS.name, {})
        if _differ(written | inputs, found) or _differ(params, settings):
            raise UserError(f"dvc.lock: {names[stage]} is older than the stages before it; `dvc repro` mends it")
        inputs |= found
        params |= settings
    own = {out["path"]: out["md5"] for stage in STAGES for out in entries[stage].get("outs", [])}
    files = {path: value for path, value in inputs.items() if path not in own}
    return Recorded(Inputs(params, files), own, {stage: fingerprint(entry) for stage, entry in entries.items()})


def _differ(known: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return any(known[name] != value for name, value in found.items() if name in known)
