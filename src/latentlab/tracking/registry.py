"""The best run of a study, for MLflow's model registry."""

from pathlib import Path

from latentlab.errors import UserError
from latentlab.tables.columns import better, for_selection
from latentlab.tracking.comparison import WHOLE
from latentlab.tracking.glance import SUPERSEDED
from latentlab.tracking.models import register
from latentlab.tracking.place import Place
from latentlab.tracking.store import Store


def register_best(study: str, metric: str) -> str:
    """Register encoder and decoder of the finished run with the best `metric`, as `<study>-encoder` and -decoder.

    Their best version has the alias `best`: `mlflow.pyfunc.load_model("models:/quick-encoder@best")`. Raises
    `UserError` if no model may be chosen by the metric, or no run has it.
    """
    metric = for_selection(metric)
    sign = 1 if better(metric) == "↓" else -1
    store = Store(Place.of(Path()))
    runs = store.runs(study, WHOLE)
    measured = [run for run in runs if metric in run.data.metrics and SUPERSEDED not in run.data.tags]
    if not measured:
        raise UserError(f"--register: found no finished run of study {study} with the metric {metric}")
    best = min(measured, key=lambda run: sign * run.data.metrics[metric])
    variant = best.data.tags["latentlab.variant"]
    lines = register(store, best, {f"{variant}-{role}": f"{study}-{role}" for role in ("encoder", "decoder")})
    return "\n".join(lines) or f"{variant} is registered as the best by {metric} already"
