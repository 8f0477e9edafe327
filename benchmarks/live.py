"""What logging to MLflow costs a training: `python -m benchmarks.live --help`.

The variant `simple` of the study `keras_blog` on the full MNIST. In one training, blocks of epochs that are logged take
turns with blocks that are not.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks import machine
from benchmarks.page import write_section
from benchmarks.training import PAGE
from benchmarks.variants import ROOT
from latentlab.config import paths
from latentlab.tables.markdown import markdown_table

VARIANT = "simple"
BLOCK = 10  # epochs; the first of each does not count, as the process beside it still works on the block before


def main() -> None:
    """Measure with one thread and with as many as there are cores, and write the live section of the page."""
    arguments = _arguments()
    rows = []
    for threads in sorted({1, os.cpu_count() or 1}):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # TensorFlow's threads are for life
            without, logged = pool.submit(measure, threads, arguments.mnist.resolve(), arguments.blocks).result()
        rows.append([str(threads), f"{without:.4f}", f"{logged:.4f}", f"{logged / without - 1:+.1%}"])
    write_section(arguments.output, "live", section(rows, arguments.blocks))


def measure(threads: int, mnist: Path, blocks: int) -> tuple[float, float]:
    """Median seconds of an epoch without and with logging."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        _project(Path(folder), mnist, threads)
        os.chdir(folder)
        try:
            return _train(threads, blocks)
        finally:
            os.chdir(ROOT)


def _project(folder: Path, mnist: Path, threads: int) -> None:
    study = (ROOT / "studies/keras_blog/params.yaml").read_text()
    (folder / "params.yaml").write_text(study.replace("threads: 1", f"threads: {threads}"))
    (folder / paths.DOWNLOADS).mkdir()
    shutil.copy(mnist, folder / paths.DOWNLOADS / "mnist.npz")


def _train(threads: int, blocks: int) -> tuple[float, float]:
    from latentlab.config import params
    from latentlab.numerics.tensorflow import start_tensorflow
    from latentlab.stages import plan, prepare
    from latentlab.stages.train import build
    from latentlab.storage.npz import read_npz
    from latentlab.tracking.sender import Live

    plan.main()
    prepare.main()
    settings = params.load().variant(VARIANT)
    epochs = BLOCK * 2 * (blocks + 1)  # the first two are for the start of both processes
    long = settings.model_copy(update={"training": settings.training.model_copy(update={"epochs": epochs})})
    train, validation = (read_npz(paths.prepared(split))["images"] for split in ("train", "validation"))
    start_tensorflow(0, threads)
    from latentlab.training.fit import fit

    ends: list[float] = []
    with Live(VARIANT) as live:

        def watch(row: Mapping[str, float]) -> None:
            ends.append(time.perf_counter())
            if _logged(len(ends)):
                live.epoch(row)

        fit(build(long, train.shape[1:]), train, validation, long, 0, watchers=[watch])
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for epoch in range(2 * BLOCK, epochs):
        if epoch % BLOCK:
            seconds[_logged(epoch + 1)].append(ends[epoch] - ends[epoch - 1])
    return statistics.median(seconds[False]), statistics.median(seconds[True])


def _logged(epoch: int) -> bool:
    """Whether an epoch, counted from 1, is in a block that is logged."""
    return (epoch - 1) // BLOCK % 2 == 0


def section(rows: list[list[str]], blocks: int) -> str:
    """The table, with what it was measured on."""
    about = machine.describe(0) | {"threads": "1 and all"}
    head = ["threads", "s an epoch", "logged", "cost"]
    return (
        f"{machine.sentence(about)} Medians of {blocks} blocks of {BLOCK} epochs each, in turns.\n\n"
        + markdown_table(head, rows)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="What logging to MLflow costs a training.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, required=True, help="npz file with the full MNIST")
    parser.add_argument("--blocks", type=int, default=10, help="blocks of each kind")
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose live section is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
