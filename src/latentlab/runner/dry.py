"""What a run would do, as far as can be told before."""

from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

from latentlab.config import params
from latentlab.pipeline import dvc
from latentlab.pipeline.plan import changes, make_plans
from latentlab.runner.labels import labels
from latentlab.runner.project import held


def would_run(targets: Sequence[str]) -> list[str]:
    """A line for each stage that `reproduce` would run, as far as can be told before. Raises `UserError`."""
    with held() as repo:
        waiting = dvc.in_order(repo, targets)
        stale = {folder: _stale(folder) for folder in map(dvc.folder_of, waiting)}
        found: dict[dvc.Stage, str] = {}
        for stage, before in waiting.items():
            name, folder = dvc.name_in_lock(stage), dvc.folder_of(stage)
            if why := stale[folder].get(name):
                found[stage] = why
            elif not stage.always_changed and (before & found.keys() or stage.changed()):
                after = sorted(dvc.name_in_lock(each) for each in before & found.keys())
                found[stage] = f"after {', '.join(after)}" if after else "not as dvc.lock says"
        named = labels(waiting)
    return [f"{named[stage]}: {why}" for stage, why in found.items()] or ["everything is up to date"]


def _stale(folder: Path) -> dict[str, str]:
    """Stages of the study in a folder whose plan is another one now, and why."""
    with chdir(folder):
        return changes(make_plans(params.load()))
