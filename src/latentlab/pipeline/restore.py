"""The outputs of the last run that went well, for a stage that fails."""

import os


def restore_outputs() -> None:
    """Bring back what DVC has deleted before it started the stage that this process runs.

    They come from DVC's cache and agree with dvc.lock. Outside DVC nothing was deleted, and nothing is done.
    """
    if name := os.environ.get("DVC_STAGE"):
        from latentlab.pipeline.dvc import check_out_outputs  # takes a second or two, for which only a failure waits

        check_out_outputs(name)
