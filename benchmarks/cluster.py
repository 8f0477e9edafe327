"""How near the stages of a large graph on many Dask workers come to the bound: `python -m benchmarks.cluster --help`.

Stages only wait, in proportion to what those of a study take. Scheduler and workers are in one process, the run's own
scheduler in another, with Dask's executor below it.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import dask
from distributed import Client, LocalCluster
from tqdm import tqdm

from benchmarks import machine
from benchmarks.page import write_section
from benchmarks.training import PAGE
from latentlab.cluster.worker import CORES
from latentlab.runner.scheduler import Room, Scheduler, State
from latentlab.tables.markdown import markdown_table

STAGES = {"train": (30, 3600), "extract": (5, 60), "tsne": (5, 300), "evaluate": (1, 60), "plot": (1, 10)}  # seconds
PER_VARIANT = len(STAGES)


class Measured(NamedTuple):
    """Seconds of a run, and those that it takes at least."""

    took: float
    bound: float


def many_variants(count: int) -> tuple[dict[str, list[str]], dict[str, float]]:
    """A graph such as that of a study, and seconds that are as different as those of its stages."""
    rng = random.Random(0)
    graph: dict[str, list[str]] = {"prepare": []}
    seconds = {"prepare": 60.0}
    for variant in range(count):
        before = "prepare"
        for stage, (least, most) in STAGES.items():
            name = f"{stage}@{variant}"
            graph[name], seconds[name] = [before], least * (most / least) ** rng.random()
            before = name
    return graph, seconds


def bound(graph: Mapping[str, Sequence[str]], seconds: Mapping[str, float], slots: int) -> float:
    """The least that a run can take: the longest way through the graph, or all seconds shared by all slots."""
    longest: dict[str, float] = {}
    for key, needs in graph.items():  # each stands after those that it needs
        longest[key] = seconds[key] + max((longest[each] for each in needs), default=0.0)
    first = seconds["prepare"]
    return max(*longest.values(), first + (sum(seconds.values()) - first) / slots)


class Waits:
    """Stages that wait for as long as they would take."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.seconds = seconds

    def begin(self, key: str) -> Callable[[], Any] | State:
        """What a worker does."""
        return partial(time.sleep, self.seconds[key])

    def end(self, key: str, future: Future[Any]) -> State:
        """Done, or an error of Dask's."""
        future.result()
        return State.DONE

    def room(self, key: str) -> Room:
        """A core."""
        return Room(1)

    def turned(self, key: str, state: State) -> None:
        """Nobody watches."""


def measure(client: Client, variants: int, workers: int, least: float) -> Measured:
    """Run a graph whose bound is `least` seconds. Costs are guesses within a quarter, as from a run before."""
    graph, seconds = many_variants(variants)
    scale = least / bound(graph, seconds, workers)
    scaled = {key: value * scale for key, value in seconds.items()}
    rng = random.Random(1)
    guess = {key: value * rng.uniform(0.8, 1.25) for key, value in scaled.items()}
    executor = client.get_executor(pure=False, resources={CORES: 1})
    start = time.perf_counter()
    Scheduler(graph, Waits(scaled), executor, Room(workers), cost=guess.__getitem__).run()
    return Measured(time.perf_counter() - start, least)


@contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """A client of a Dask scheduler with so many workers of one thread each, in a process of their own."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(workers, theirs))
    process.start()
    try:
        with Client(ours.recv(), set_as_default=False) as client:
            yield client
    finally:
        ours.send("end")
        process.join()


def _serve(workers: int, channel: Connection) -> None:
    options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
    options |= {"protocol": "tcp", "resources": {CORES: 1}}
    # what looks at each worker's threads a hundred times a second is for one worker a process
    dask.config.set({"distributed.worker.profile.enabled": False})
    with LocalCluster(n_workers=workers, threads_per_worker=1, **options) as found:
        channel.send(found.scheduler_address)
        channel.recv()


def main() -> None:
    """Measure, and write the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--stages", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument(
        "--bound", type=float, nargs="+", default=[60.0, 120.0], help="seconds that a run takes at least"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose section is written")
    arguments = parser.parse_args()
    variants = arguments.stages // PER_VARIANT
    rows = []
    with cluster(arguments.workers) as client:
        for least in tqdm(arguments.bound, unit="bound", disable=None):
            found = [measure(client, variants, arguments.workers, least) for _ in range(arguments.rounds)]
            took = statistics.median(each.took for each in found)
            rows.append([f"{least:.0f} s", f"{took:.1f} s", f"{took / least:.3f}"])
    head = ["at least", "took", "ratio"]
    about = f"{variants * PER_VARIANT + 1:,} stages, {arguments.workers} workers, medians of {arguments.rounds} runs."
    lines = [f"{machine.sentence(machine.describe(1))[:-1]}, distributed {version('distributed')}.", about]
    write_section(arguments.output, "cluster", "\n\n".join([*lines, markdown_table(head, rows)]))


if __name__ == "__main__":
    main()
