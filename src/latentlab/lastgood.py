"""The outputs of the last run that went well, for a stage that fails."""

import os


def restore_outputs() -> None:
    """Bring back what DVC has deleted before it started the stage that this process runs.

    They come from DVC's cache and agree with dvc.lock. Outside DVC nothing was deleted, and nothing is done.
    """
    if not (name := os.environ.get("DVC_STAGE")):
        return
    from dvc.repo import Repo  # takes a second or two, which only a failure has to wait

    with Repo() as repo:
        for stage in repo.stage.collect(name):
            for output in stage.outs:
                if output.hash_info and output.use_cache and not output.changed_cache():
                    output.checkout(force=True)
