"""A sweep from beginning to end: what is missing is trained, named for DVC and brought to MLflow; then told."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from latentlab.config import paths, project
from latentlab.errors import UserError, listed
from latentlab.pipeline.inputs import recorded
from latentlab.pipeline.lock import stages_in_lock
from latentlab.runner.reproduce import EndedError, StagesFailedError, reproduce
from latentlab.storage.only_one import only_one
from latentlab.sweeps import commits, workplace
from latentlab.sweeps.experiment import Experiment, key_in
from latentlab.tracking.revisions import track_experiment

Tell = Callable[[str], None]

EDITED = "code was edited meanwhile; the same command trains with what it is now"


def run(
    found: Sequence[Experiment], base: commits.Base, remote: dict[str, str], jobs: dict[str, Any], tell: Tell
) -> UserError | None:
    """Have all experiments of the study in the current folder, as far as they can be had; what failed, if anything.

    `jobs` are arguments of `reproduce`. What is there already is not made again. Raises `UserError`, `EndedError` if
    the run was ended; what was whole by then is kept.
    """
    folder = workplace.folder_of(found)
    with only_one(folder.with_suffix(".lock"), "runs this sweep"):
        known = commits.known(each.name for each in found)
        missing = [each for each in found if each.name not in known]
        failure = _have(missing, folder, base, remote, jobs, tell) if missing else None
        known = commits.known(each.name for each in missing)
        left = [each.name for each in missing if each.name not in known]
        if failure is None and not left:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return StagesFailedError(f"sweep: no result of {listed(left)}: {failure or EDITED}")


def _have(
    missing: Sequence[Experiment],
    folder: Path,
    base: commits.Base,
    remote: dict[str, str],
    jobs: dict[str, Any],
    tell: Tell,
) -> UserError | None:
    workplace.make(folder, missing, remote)
    try:
        return _train(folder, missing, jobs)
    finally:  # also what was ended has left something, it may be
        for each in missing:
            _keep(each, folder / each.name, base, tell)


def _train(folder: Path, missing: Sequence[Experiment], jobs: dict[str, Any]) -> UserError | None:
    with chdir(folder):
        try:
            reproduce([workplace.shared_target(missing[0])], **jobs)
            reproduce([target for each in missing for target in workplace.targets(each)], **jobs)
        except EndedError:
            raise
        except StagesFailedError as error:
            return error
    return None


def _keep(experiment: Experiment, here: Path, base: commits.Base, tell: Tell) -> None:
    """Make an experiment of what was trained, if that is whole: first a run in MLflow, then the name."""
    try:
        with chdir(here):
            recorded({"stages": stages_in_lock()}, experiment.variant, Path.read_text)
        if key_in(here, experiment.variant) != experiment.key:  # code was edited since its name was made
            return
        if not (here / paths.metrics(experiment.variant)).exists():
            return
    except (UserError, OSError):
        return
    commit = commits.commit(experiment, here, base)
    said = track_experiment(commit, project.inner_folder(), experiment.variant, {"dvc.experiment": experiment.name})
    commits.name(experiment, commit, base)
    tell(f"{experiment.name}: {said}")
