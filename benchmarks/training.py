"""Compare seconds an epoch of ways to train the same nets: `python -m benchmarks.training --help`.

Each variant and way has a process of its own. All ways of a variant are ready before the first is measured, and
take turns, so that what slows the machine for a while slows all of them.
"""

import argparse
import os
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from benchmarks import machine, raw, tables
from benchmarks.page import write_section
from benchmarks.process import Worker
from benchmarks.variants import VARIANTS
from benchmarks.ways import WAYS

PAGE = Path("docs/benchmarks.md")


def main() -> None:
    """Measure, keep the raw numbers after each variant, and write the page from all that have been kept."""
    arguments = _arguments()
    ways = _installed(arguments.ways)
    content = raw.to_extend(arguments.raw, machine.describe(arguments.threads))
    images = dict.fromkeys(arguments.variants, arguments.images) | dict(arguments.images_of)
    total = len(arguments.variants) * len(ways) * (arguments.rounds + 1)
    with tqdm(total=total, unit="epoch", disable=None) as progress:
        for variant in arguments.variants:
            progress.set_description(variant)
            measured = _measure(variant, ways, images[variant], arguments, progress)
            content["variants"].setdefault(variant, {}).update(measured)
            raw.write(arguments.raw, content)
            write_section(arguments.output, "training", tables.training(content))


def _measure(
    variant: str, ways: list[str], images: int, arguments: argparse.Namespace, progress: "tqdm[NoReturn]"
) -> dict[str, raw.Record]:
    """Every way's record for one variant. Exits if the nets differ in size."""
    with ExitStack() as stack:
        workers, parameters = {}, {}
        for way in ways:
            worker = stack.enter_context(Worker(variant, way, images, arguments.threads, arguments.mnist))
            workers[way], parameters[way] = worker, worker.parameters()
            progress.update()
        if len(set(parameters.values())) > 1:
            raise SystemExit(f"{variant}: not the same net, trainable parameters: {parameters}")
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way, worker in workers.items():
                seconds[way].append(worker.epoch())
                progress.update()
        return {
            way: {"images": images, "seconds": seconds[way], "peak_mib": worker.end()}
            for way, worker in workers.items()
        }


def _installed(ways: list[str]) -> list[str]:
    if find_spec("torch"):
        return ways
    print("torch is not installed, so nothing is measured with it")
    return [way for way in ways if not way.startswith("pytorch")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare seconds an epoch of ways to train the same nets.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--images", type=int, default=tables.EPOCH, help="images an epoch")
    parser.add_argument(
        "--images-of", nargs="+", type=images_of, default=[], metavar="VARIANT=N", help="fewer for slow nets"
    )
    parser.add_argument("--mnist", type=Path, help="npz file with x_train; synthetic images without it")
    parser.add_argument("--rounds", type=int, default=5, help="measured epochs of each")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of each way")
    parser.add_argument("--raw", type=Path, default=raw.DEFAULT, help="raw numbers, kept from run to run")
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose training section is written")
    return parser.parse_args()


def images_of(text: str) -> tuple[str, int]:
    """A variant and a number of images, from `simple=1000`."""
    variant, _, images = text.partition("=")
    if variant not in VARIANTS:
        raise argparse.ArgumentTypeError(f"found {variant!r}, allowed: {', '.join(VARIANTS)}")
    return variant, int(images)


if __name__ == "__main__":
    main()
