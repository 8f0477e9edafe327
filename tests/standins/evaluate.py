"""Stands in for the stage `evaluate`. Its file may hold numbers alone, so it notes but these."""

from latentlab.config import paths
from latentlab.config.stages import ForEvaluate
from latentlab.metrics.level import LEVEL
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.json import read_json, write_json
from latentlab.storage.pickle import read_pickle


def main(variant: str) -> str:
    """A few numbers."""
    p = read_parameters(ForEvaluate, variant)
    neighbours = p.evaluate.neighbours
    summary = read_json(paths.training(variant))
    features = read_pickle(paths.latents(variant))["features"]
    metrics = {
        "reconstruction": {"bce": float(features.mean()) * LEVEL / neighbours},
        "training": {"parameters": summary["parameters"]["total"], "epochs": summary["epochs"]},
        "used": {"level": LEVEL, "neighbours": neighbours},
    }
    write_json(paths.metrics(variant), metrics)
    return f"evaluate {variant}"


if __name__ == "__main__":
    run(main)
