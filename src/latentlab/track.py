"""Stage `track`: mirror the study in MLflow, one run a variant. A result that is there already is left alone."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from latentlab import params, paths, provenance, stage
from latentlab.artifacts import read_csv, read_json
from latentlab.params import Params
from latentlab.settings import flattened


def main() -> str:
    """Add the runs that MLflow does not have yet."""
    p = params.load()
    tags = {**provenance.git_tags(), **provenance.version_tags(), **dataset_tags(read_json(paths.CARD))}
    from latentlab.tracking import Store  # takes seconds, so a slip in params.yaml is told first

    for noisy in ("alembic", "mlflow"):  # each tells at length how it makes a new database
        logging.getLogger(noisy).setLevel(logging.WARNING)
    store = Store(Path(os.environ.get("DVC_ROOT", ".")))
    experiment = store.experiment(p.study)
    added = 0
    for variant in tqdm(p.variants, desc="track", disable=None):
        added += store.add(experiment, describe(p, variant, tags))
    return f"track: {added} new runs of {len(p.variants)} in {store.uri}, experiment {p.study}"


def describe(p: Params, variant: str, tags: Mapping[str, str]) -> Any:
    """The `Run` of a variant, from its files. Raises `UserError` where one is missing."""
    from latentlab.tracking import Run

    artifacts = files(p.study, variant)
    history = read_csv(paths.history(variant))
    settings = {
        "study": p.study,
        "seed": p.seed,
        "threads": p.threads,
        "precision": p.precision,
        **dict(flattened({"prepare": p.prepare.settings()}, "/")),
        **dict(flattened(p.model_dump(mode="json", include={"tsne", "evaluate"}), "/")),
        **p.variant(variant).settings(),
    }
    return Run(
        name=variant,
        key=key(settings, [path for group in artifacts.values() for path in group]),
        params={name: str(value) for name, value in settings.items()},
        metrics=dict(flattened(read_json(paths.metrics(p.study, variant)), "/")),
        curves={name: values.tolist() for name, values in history.items() if name != "epoch"},
        tags=tags,
        artifacts=artifacts,
    )


def files(study: str, variant: str) -> dict[str, list[Path]]:
    """The files that a run carries, by folder."""
    return {
        "models": [paths.encoder(variant), paths.decoder(variant)],
        "features": [paths.latents(variant), paths.embedding(variant)],
        "plots": sorted(paths.plots(study, variant).glob("*.png")),
        "metrics": [paths.metrics(study, variant), paths.history(variant)],
    }


def key(settings: Mapping[str, Any], artifacts: list[Path]) -> str:
    """What tells this result from others: a hash of its settings and of every file."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in artifacts:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def dataset_tags(card: Mapping[str, Any]) -> dict[str, str]:
    """Name and hash of the dataset."""
    return {"dataset": card["dataset"], "dataset.sha256": card["sha256"]["images"]}


if __name__ == "__main__":
    stage.run(main)
