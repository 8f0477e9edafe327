"""Stage `track`: make MLflow agree with the result files, one run a variant. What is there already is left alone.

Its output never changes and is in no cache: where it is missing, as in a new clone, MLflow has not seen the results.
"""

import os
import sys

from latentlab.config import params, paths
from latentlab.config.stages import ForTrack
from latentlab.errors import UserError
from latentlab.pipeline.plan import changes, lines, make_plans, read_parameters
from latentlab.stages._command import run
from latentlab.storage.replacing import replacing
from latentlab.tracking.place import StoreError
from latentlab.tracking.workspace import track_workspace

EXPERIMENT = "DVC_EXP_NAME"  # the variable that DVC sets where it runs one


def main() -> str:
    """Mirror the study in params.yaml. A store that cannot be used is no reason to fail: the results stand."""
    p = read_parameters(ForTrack)
    check_plans()
    try:
        done = track_workspace(p.study, p.variants)
    except StoreError as error:
        print(f"warning: {error}; `latentlab track` completes the runs", file=sys.stderr)
        done = "not done"
    with replacing(paths.TRACKED) as temporary:
        temporary.write_text("results were brought to MLflow, as far as it could be used\n")
    return f"track: {done}"


def check_plans() -> None:
    """Say in a line if parameters or code are not those of the plans any more: the results are of before.

    Raises `UserError` in an experiment of DVC's, which keeps the workspace as it is now as what made the results.
    """
    try:
        found = lines(changes(make_plans(params.load())))
    except UserError as error:
        found = [str(error)]
    if not found:
        return
    line = f"params.yaml or code changed since `plan` ({found[0]}), and results are of before; run again"
    if EXPERIMENT in os.environ:
        raise UserError(line)
    print(f"warning: {line}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
