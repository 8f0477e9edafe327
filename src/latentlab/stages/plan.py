"""Stage `plan`: see whether params.yaml is possible, and note what each stage will be made from.

It runs first, each time. DVC deletes a stage's outputs before it runs the stage, so a slip in params.yaml has to stop
the pipeline here, while all results are still there; the plans are then as they were.
"""

import sys
from pathlib import Path

from latentlab.config import paths, project, published, studies
from latentlab.config.params import Params
from latentlab.errors import UserError
from latentlab.pipeline.leftovers import clear_leftovers
from latentlab.pipeline.libraries import not_as_locked
from latentlab.pipeline.plan import make_plans, write_plans
from latentlab.pipeline.used import forget_misrecorded
from latentlab.stages._command import run
from latentlab.tables.columns import names


def main() -> str:
    """Write the plans that are not as they were."""
    p = studies.load()
    studies.check_pipeline()
    check_published(p)
    plans = make_plans(p)
    for line in not_as_locked(project.root() / paths.REQUIREMENTS):
        print(f"warning: {line}", file=sys.stderr)
    studies.make_raw(Path())
    forget_misrecorded(p.variants)
    changes = write_plans(plans)
    for line in clear_leftovers(p):
        print(f"warning: {line}", file=sys.stderr)
    first_time = len(changes) == len(plans) and all(line.endswith(": new") for line in changes)
    for line in ["all stages: new"] if first_time else changes:
        print(f"  {line}")
    return f"plan: {len(plans)} stages of {len(p.variants)} variants, {len(changes) or 'nothing'} changed"


def check_published(p: Params) -> None:
    """Raise `UserError` if `published.yaml` names a metric that no table can have."""
    known = names(p.extract.noise_levels)
    for at, entry in enumerate(published.load(list(p.variants))):
        if entry.metric not in known:
            raise UserError(f"{paths.PUBLISHED}: {at}.metric: found {entry.metric!r}, allowed: {', '.join(known)}")


if __name__ == "__main__":
    run(main)
