"""t-SNE by scikit-learn and by openTSNE: `python -m benchmarks.tsne --help`.

MNIST's digits as 32 principal components, each run in a process of its own, on one thread. MNIST is looked for where
the dataset `mnist` is (docs/data.md).
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from tqdm import tqdm

from benchmarks import machine
from benchmarks.page import write_section
from benchmarks.training import PAGE
from benchmarks.worker import peak_mib
from latentlab.embedding.tsne import Method, embed
from latentlab.metrics.embedding import knn_accuracy
from latentlab.numerics.portable import set_switches
from latentlab.numerics.threads import limit_threads
from latentlab.storage.npz import read_npz, write_npz
from latentlab.tables.markdown import markdown_table

DIMENSIONS = 32
PERPLEXITY = 30
NEIGHBOURS = 5
SEED = 42
RUNS: tuple[Method, ...] = ("opentsne", "sklearn", "opentsne")  # which has to give the same bytes twice
Result = TypeVar("Result")
NAMES = {"sklearn": "scikit-learn", "opentsne": "openTSNE"}


class Measured(NamedTuple):
    """Seconds, peak MiB of the process, KL divergence in nats, accuracy among neighbours, SHA-256 of the embedding."""

    seconds: float
    peak: float
    divergence: float
    accuracy: float
    digest: str


def main() -> None:
    """Measure all sizes and write the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[10_000], help="up to 70000; minutes for all of them")
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose section on t-SNE is written")
    arguments = parser.parse_args()
    set_switches("portable")  # for the processes below
    with tempfile.TemporaryDirectory() as folder:
        codes = Path(folder) / "codes.npz"
        _elsewhere(write_codes, codes)
        runs = [(points, method) for points in arguments.points for method in RUNS]
        measured = [(*run, _elsewhere(measure, codes, *run)) for run in tqdm(runs, unit="run", disable=None)]
    write_section(arguments.output, "tsne", section(measured))


def _elsewhere(function: Callable[..., Result], *arguments: object) -> Result:
    """What a function returns in a process of its own, whose peak memory is that of the function."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def write_codes(path: Path) -> None:
    """The principal components (70000, 32) float32 of MNIST's images, in random order, with labels."""
    from sklearn.decomposition import PCA

    from latentlab.datasets import mnist

    dataset = mnist.load()
    assert dataset.labels is not None
    images = dataset.images.reshape(len(dataset.images), -1).astype(np.float32) / 255
    codes = PCA(DIMENSIONS, svd_solver="covariance_eigh").fit_transform(images).astype(np.float32)
    order = np.random.default_rng(SEED).permutation(len(codes))
    write_npz(path, {"codes": codes[order], "labels": dataset.labels[order]})


def measure(path: Path, points: int, method: Method) -> Measured:
    """One embedding of the first points in the file, timed. Raises `ValueError` if it has fewer."""
    content = read_npz(path, made_by="")
    codes, labels = content["codes"][:points], content["labels"][:points]
    if len(codes) < points:
        raise ValueError(f"found {len(codes)} points, wanted {points}")
    limit_threads(1)
    start = time.perf_counter()
    embedding, divergence = embed(codes, PERPLEXITY, SEED, method)
    seconds, peak = time.perf_counter() - start, peak_mib()
    digest = hashlib.sha256(embedding.tobytes()).hexdigest()
    return Measured(seconds, peak, divergence, knn_accuracy(embedding, labels, NEIGHBOURS), digest)


def section(measured: Sequence[tuple[int, Method, Measured]]) -> str:
    """A row a number of points and library: medians, and whether runs gave the same bytes."""
    groups: dict[tuple[int, Method], list[Measured]] = {}
    for points, method, run in measured:
        groups.setdefault((points, method), []).append(run)
    seconds = {key: statistics.median(run.seconds for run in runs) for key, runs in groups.items()}
    rows = [
        [
            f"{points:,}",
            NAMES[method],
            f"{seconds[points, method]:.1f}",
            f"{seconds[points, 'sklearn'] / seconds[points, method]:.2f}",
            f"{max(run.peak for run in runs):,.0f}",
            f"{runs[0].divergence:.3f}",
            f"{runs[0].accuracy:.4f}",
            _said_of(runs),
        ]
        for (points, method), runs in groups.items()
    ]
    about = machine.describe(1)
    about["versions"] |= {name: version(name) for name in NAMES.values()}
    head = ["points", "library", "s", "times as fast", "MiB", "KL divergence", f"{NEIGHBOURS}-NN accuracy", "twice"]
    return f"{machine.sentence(about)}\n\n{markdown_table(head, rows)}"


def _said_of(runs: Sequence[Measured]) -> str:
    """Whether several runs gave the same bytes."""
    if len(runs) == 1:
        return "run once"
    return "the same bytes" if len({run.digest for run in runs}) == 1 else "other bytes"


if __name__ == "__main__":
    main()
