"""A dvc.lock for results that stages made without DVC."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.pipeline.inputs import STAGES, md5, outputs, pipeline, value_of
from latentlab.storage.yaml import read_yaml


def write_lock(variants: list[str]) -> None:
    """Record the results of the current folder as if DVC had run the stages."""
    values = read_yaml(paths.PARAMS)
    stages: dict[str, Any] = {}
    for variant in variants:
        blocks = pipeline(values, variant)
        stages |= {f"{stage}@{variant}": _entry(blocks[stage], values) for stage in STAGES}
        stages["prepare"] = _entry(blocks["prepare"] | {"deps": []}, values)
    YAML(typ="safe", pure=True).dump({"schema": "2.0", "stages": stages}, paths.LOCK)


def _entry(block: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {
        "cmd": block["cmd"],
        "params": {"params.yaml": {name: value_of(values, name) for name in block["params"]}},
        "deps": [{"path": path, "md5": md5(Path(path))} for path in block["deps"]],
        "outs": [{"path": path, "md5": md5(Path(path))} for path in outputs(block)],
    }
