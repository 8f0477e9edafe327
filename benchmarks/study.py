"""How long the trainings of a study take, and how long Keras' fit: `python -m benchmarks.study --help`.

Each variant is measured in turns: an epoch of Keras' fit on all cores, then an epoch of the engine as the study trains,
one thread a training and as many trainings at once as there are cores. Seconds times the epochs of the study, of one
seed each, are what the whole takes in each way, one variant after the other.
"""

import argparse
import os
import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from benchmarks import machine, raw
from benchmarks.page import write_section
from benchmarks.process import Worker
from benchmarks.training import PAGE, images_of
from benchmarks.variants import KERAS_BLOG, trained, variant
from latentlab.tables.markdown import markdown_table

MEASURED = Path("benchmarks/measured/epochs.json")
IMAGES = 54_000  # of MNIST's training images a tenth is kept apart
FEWER = {"conv": 12_800, "denoise": 6_400, "lstm": 12_800, "vae_conv": 6_400, "vae_deconv": 1_280}  # whole batches
LEFT_OUT = "vae_deconv"  # of the sum


def main() -> None:
    """Measure, and write the raw numbers and the page's section."""
    arguments = _arguments()
    images = FEWER | dict(arguments.images_of)
    study, variants = arguments.study, arguments.variants or trained(arguments.study)
    kept = raw.load(arguments.raw) if arguments.raw.exists() else {}
    content: raw.Raw = {"machine": machine.describe(os.cpu_count() or 1), "variants": {}}
    with tqdm(total=len(variants) * arguments.rounds, unit="round", disable=None) as progress:
        for name in variants:
            progress.set_description(name)
            content["variants"][name] = _measure(study, name, images.get(name, IMAGES), arguments, progress)
            raw.write(arguments.raw, dict(sorted({**kept, study: content}.items())))
    write_section(arguments.output, study, section(study, content))


def _measure(
    study: str, name: str, images: int, arguments: argparse.Namespace, progress: "tqdm[NoReturn]"
) -> dict[str, raw.Record]:
    """Seconds of an epoch by Keras' fit, and by the engine where as many train at once as there are cores."""
    cores = os.cpu_count() or 1
    fit: list[float] = []
    engine: list[float] = []
    with ExitStack() as stack:
        ways = [("keras_fit", cores), *[("engine", 1)] * cores]
        workers = [
            stack.enter_context(Worker(name, way, images, threads, arguments.mnist, study)) for way, threads in ways
        ]
        for worker in workers:
            worker.parameters()
        for _ in range(arguments.rounds):
            fit.append(workers[0].epoch())
            engine.append(at_once(workers[1:]))
            progress.update()
        for worker in workers:
            worker.end()
    return {"keras_fit": {"images": images, "seconds": fit}, "engine": {"images": images, "seconds": engine}}


def at_once(workers: list[Worker]) -> float:
    """Seconds until all have trained an epoch, side by side."""
    for worker in workers:
        worker.start()
    return max(worker.seconds() for worker in workers)


def seconds(content: raw.Raw, name: str, way: str) -> float:
    """Median seconds of an epoch of the study."""
    record = content["variants"][name][way]
    return float(statistics.median(record["seconds"])) * IMAGES / int(record["images"])


def section(study: str, content: raw.Raw) -> str:
    """A row a variant, and what all of them together take."""
    rows, totals = [], dict.fromkeys(("keras_fit", "engine"), 0.0)
    for name in content["variants"]:
        epochs = variant(name, study).training.epochs
        fit, engine = (seconds(content, name, way) for way in totals)
        engine /= content["machine"]["cores"]  # which work on as many trainings
        if name != LEFT_OUT:
            totals["keras_fit"] += fit * epochs
            totals["engine"] += engine * epochs
        minutes = [f"{each * epochs / 60:.1f}" for each in (fit, engine)]
        rows.append([name, str(epochs), f"{fit:.2f}", f"{engine:.2f}", *minutes, f"{fit / engine:.2f}"])
    fit, engine = totals.values()
    every = f"all but {LEFT_OUT}" if LEFT_OUT in content["variants"] else "all"
    rows.append([every, "", "", "", f"{fit / 60:.1f}", f"{engine / 60:.1f}", f"{fit / engine:.2f}"])
    head = ["variant", "epochs", "Keras fit, s an epoch", "here, s an epoch", "Keras fit, min", "here, min", "ratio"]
    return "\n\n".join([machine.sentence(content["machine"]), _rounds(content), markdown_table(head, rows)])


def _rounds(content: raw.Raw) -> str:
    counts = {len(record["seconds"]) for ways in content["variants"].values() for record in ways.values()}
    fewer = [
        f"{name} {ways['engine']['images']:,}"
        for name, ways in content["variants"].items()
        if ways["engine"]["images"] != IMAGES
    ]
    scaled = f" Scaled from fewer images: {', '.join(fewer)}." if fewer else ""
    return (
        f"Medians of {' or '.join(map(str, sorted(counts)))} epochs of {IMAGES:,} images after one to warm up.{scaled}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="How long the trainings of a study take, and how long Keras' fit.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--study", default=KERAS_BLOG, help="with images as MNIST's")
    parser.add_argument("--variants", nargs="+", help="fewer than all that have epochs")
    parser.add_argument("--images-of", nargs="+", type=images_of, default=[], metavar="VARIANT=N", help="fewer images")
    parser.add_argument("--mnist", type=Path, help="npz file with x_train; synthetic images without it")
    parser.add_argument("--rounds", type=int, default=3, help="measured epochs of each")
    parser.add_argument("--raw", type=Path, default=MEASURED, help="the measurements, by study")
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose section is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
