"""A dvc.lock for results that stages made without DVC."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from latentlab import params, paths
from latentlab.inputs import STAGES, md5

# what each stage reads and writes, as far as tests need it
READS = {
    "train": [paths.prepared("train"), paths.prepared("validation")],
    "extract": [paths.prepared("test")],
    "plot": [paths.CARD],
}


def write_lock(variants: list[str], code: str = "0") -> None:
    """Record the results of the current folder as if DVC had run the stages. `code` is the hash of the source."""
    content = params.read(paths.PARAMS)
    stages: dict[str, Any] = {"prepare": _entry({name: content[name] for name in ("study", "seed", "prepare")}, [], [])}
    for variant in variants:
        blocks = {
            "train": {name: content[name] for name in ("seed", "threads", "precision")},
            "tsne": {"tsne": content["tsne"]},
        }
        blocks["train"][f"variants.{variant}"] = content["variants"][variant]
        for stage in STAGES:
            stages[f"{stage}@{variant}"] = _entry(
                blocks.get(stage, {}), READS.get(stage, []), _writes(stage, content["study"], variant)
            )
        stages[f"train@{variant}"]["deps"].append({"path": "src/latentlab/train.py", "md5": code})
    YAML(typ="safe", pure=True).dump({"schema": "2.0", "stages": stages}, paths.LOCK)


def _entry(settings: dict[str, Any], reads: list[Path], writes: list[Path]) -> dict[str, Any]:
    return {
        "cmd": "none",
        "params": {"params.yaml": settings},
        "deps": [{"path": str(path), "md5": md5(path)} for path in reads],
        "outs": [{"path": str(path), "md5": md5(path)} for path in writes],
    }


def _writes(stage: str, study: str, variant: str) -> list[Path]:
    return {
        "train": [paths.encoder(variant), paths.decoder(variant), paths.history(variant)],
        "extract": [paths.latents(variant)],
        "tsne": [paths.embedding(variant)],
        "evaluate": [paths.metrics(study, variant)],
        "plot": [paths.plots(study, variant)],
    }[stage]
