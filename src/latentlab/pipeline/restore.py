"""The outputs of the last run that went well, for a stage that fails."""

import os
import sys

from latentlab.errors import UserError


def restore_outputs() -> None:
    """Bring back what DVC has deleted before it started the stage that this process runs.

    They come from DVC's cache and agree with dvc.lock. Outside DVC nothing was deleted, and nothing is done.
    """
    if name := os.environ.get("DVC_STAGE"):
        from latentlab.pipeline.dvc import check_out_outputs  # takes a second or two, for which only a failure waits

        try:
            # from another folder than the stage's own DVC calls it studies/a/dvc.yaml:train@simple
            check_out_outputs(name.rpartition(":")[2])
        except UserError as error:
            print(f"warning: {name}: outputs of its last good run are not brought back: {error}", file=sys.stderr)
