"""A dvc.lock for results that stages made without DVC."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.inputs import stages_of
from latentlab.storage.yaml import read_yaml
from tests.conftest import ROOT


def write_lock(variants: list[str]) -> None:
    """Record the results of the current folder as if DVC had run the stages."""
    values = read_yaml(paths.PARAMS)
    blocks = read_yaml(ROOT / "dvc.yaml")["stages"]
    stages: dict[str, Any] = {}
    for variant in variants:
        for stage in stages_of(variant):
            block = blocks[stage]
            name = name_of(stage, variant if "foreach" in block else None)
            stages[name] = _entry(_filled_in(block.get("do", block), {**values, "key": variant}))
    YAML(typ="safe", pure=True).dump({"schema": "2.0", "stages": stages}, paths.LOCK)


def _entry(block: dict[str, Any]) -> dict[str, Any]:
    return {
        "cmd": block["cmd"],
        "deps": [{"path": path, "md5": md5(Path(path))} for path in block["deps"] if Path(path) != paths.RAW],
        "outs": [{"path": path, "md5": md5(Path(path))} for path in _outputs(block)],
    }


def _outputs(block: Mapping[str, Any]) -> Iterator[str]:
    """Paths of a stage's outputs; one with options is a dict of one key."""
    for kind in ("outs", "metrics", "plots"):
        yield from (item if isinstance(item, str) else next(iter(item)) for item in block.get(kind, []))


def _filled_in(block: Any, values: Mapping[str, Any]) -> Any:
    """A stage of dvc.yaml with its `${...}` replaced."""
    if isinstance(block, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), block)
    if isinstance(block, list):
        return [_filled_in(item, values) for item in block]
    if isinstance(block, dict):
        return {_filled_in(key, values): _filled_in(value, values) for key, value in block.items()}
    return block
