"""The process that `sender.py` starts: it reads losses from its input and writes them to MLflow."""

import json
import math
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentlab.config import paths, project
from latentlab.config.stages import ForTrack
from latentlab.errors import UserError
from latentlab.metrics.curves import comparable
from latentlab.pipeline import inputs, provenance
from latentlab.pipeline.plan import read_parameters
from latentlab.storage.json import read_json
from latentlab.tracking.glance import FINISHED
from latentlab.tracking.place import Place
from latentlab.tracking.sender import COMPLETED, PATIENCE

if TYPE_CHECKING:
    from latentlab.tracking.run import Run

CHUNK = 2**16  # bytes, the size of a pipe
PAUSE = 5.0  # seconds between two calls: one takes 50 ms of a core, whether it brings one epoch or a dozen


def main(variant: str, descriptor: int) -> int:
    """Log what comes from a file descriptor until it ends; a fault is one line on stderr and the exit code 1."""
    try:
        log(variant, _hurried(lines(descriptor)))
    except UserError as error:
        print(f"warning: no live losses: {error}; {COMPLETED}", file=sys.stderr)
        return 1
    return 0


def lines(descriptor: int) -> Iterator[list[dict[str, Any]]]:
    """The JSON lines that have come since the last look, with a pause between two looks unless the writer is gone."""
    rest = b""
    gone = select.poll()
    gone.register(descriptor, 0)  # a hang-up is reported without being asked for
    while chunk := os.read(descriptor, CHUNK):
        *complete, rest = (rest + chunk).split(b"\n")
        if complete:
            yield [json.loads(line) for line in complete]
            gone.poll(PAUSE * 1000)


def _hurried(batches: Iterator[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    """The batches. After the last this process has a while to live: nobody may have to wait for a store that hangs."""
    yield from batches
    signal.alarm(2 * int(PATIENCE))  # longer than the training waits, which says so


def log(variant: str, batches: Iterator[list[dict[str, Any]]]) -> None:
    """Log rows of a history into the run of the result that is being made. Epochs that it has are left out.

    A last row `{"status": ...}` tells how the training ended; without one it was killed. Raises `UserError`.
    """
    planned = inputs.planned(variant)
    study = read_parameters(ForTrack).study
    from latentlab.tracking.run import Run
    from latentlab.tracking.store import Store

    store = Store(Place.of(Path()))
    with store.alone(planned.key):
        _log(Run.begin(store, study, variant, planned.key), study, variant, planned, batches)


def _log(run: "Run", study: str, variant: str, planned: inputs.Inputs, batches: Iterator[list[dict[str, Any]]]) -> None:
    whole = run.status == FINISHED  # a training that is repeated takes nothing from it, and `track` may not run again
    if not whole:
        run.set_status("RUNNING")
    run.describe(study, planned.settings(), planned.code)
    if "git.dirty" not in run.tags:
        run.set_tags(origin(variant))
    pixels = math.prod(read_json(paths.CARD)["image_shape"])
    seen = max(run.epochs("loss"), default=0)
    status = "KILLED"
    for rows in batches:
        if "status" in rows[-1]:
            status = rows.pop()["status"]
        run.log_epochs(comparable(row, pixels) for row in rows if row["epoch"] > seen)
    if not whole:
        run.set_status(status)


def origin(variant: str) -> dict[str, str]:
    """Tags on where a result comes from that is being made here and now."""
    git, card = provenance.git_tags(), read_json(paths.CARD)
    return {
        **git,
        **provenance.version_tags(),
        **provenance.platform_tags(),
        "platform.of": "training",
        "command": provenance.command(git.get("git.commit"), variant, project.inner_folder()),
        "dataset": card["dataset"],
    }


if __name__ == "__main__":
    os.nice(10)  # the training comes first
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the training, and that ends the input
    sys.exit(main(sys.argv[1], sys.stdin.fileno()))
