"""The outputs of the last run that went well, for a stage that failed."""

import sys

from latentlab.errors import UserError


def restore_outputs(stage: str) -> None:
    """Bring back what DVC has deleted before it started the stage, in the current folder, that it calls so.

    The outputs come from DVC's cache, or from git, and agree with dvc.lock.
    """
    # from another folder than the stage's own DVC calls it studies/a/dvc.yaml:train@simple
    if fault := bring_back(stage.rpartition(":")[2]):
        print(f"warning: {stage}: {fault}", file=sys.stderr)


def bring_back(target: str) -> str:
    """The same for a stage as `dvc.check_out_outputs` takes it; what is wrong, if they cannot be had."""
    from latentlab.pipeline.dvc import check_out_outputs  # takes a second or two, for which only a failure waits

    try:
        check_out_outputs(target)
    except UserError as error:
        return f"outputs of its last good run are not brought back: {error}"
    return ""
