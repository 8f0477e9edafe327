"""How time and memory grow with the number of images: `python -m benchmarks.scale`.

Synthetic images of 28x28 go through the stages, an epoch of `simple`, each stage in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import data, machine
from benchmarks.page import write_section
from benchmarks.training import PAGE
from latentlab.storage.npz import write_npz
from latentlab.tables.markdown import markdown_table

STAGES: dict[str, list[str]] = {
    **{stage: [] for stage in ("prepare", "classifier")},
    **{stage: ["simple"] for stage in ("train", "extract", "tsne", "evaluate")},
}
PARAMS = """
study: scale
seed: 42
threads: 1
precision: float32
prepare: {dataset: npz, path: data/raw/images.npz, validation: 0.1, test: 0.2}
extract: {splits: [train, test]}
tsne: {perplexity: 30, points: 1000}
evaluate: {neighbours: 5}
variants: {simple: {model: dense, units: [32], epochs: 1, batch_size: 256}}
"""


def main() -> None:
    """Measure all sizes and write the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose scale section is written")
    arguments = parser.parse_args()
    measured = {count: _measure(count) for count in tqdm(arguments.images, unit="size", disable=None)}
    write_section(arguments.output, "scale", section(measured))


def section(measured: dict[int, dict[str, tuple[float, float]]]) -> str:
    """Seconds and peak memory of each stage, a row a number of images."""
    rows = [
        [f"{count:,}", *(f"{seconds:.1f} s, {peak / 1024:.1f} GiB" for seconds, peak in stages.values())]
        for count, stages in measured.items()
    ]
    return f"{machine.sentence(machine.describe(1))}\n\n{markdown_table(['images', *STAGES], rows)}"


def _measure(count: int) -> dict[str, tuple[float, float]]:
    """Seconds and peak MiB of each stage with so many images, of three classes at random."""
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own: a child's peak memory counts that of the parent at its start
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(_write, Path(folder) / "data/raw/images.npz", count).result()
        (Path(folder) / "params.yaml").write_text(PARAMS)
        _run(folder, ["latentlab.stages.plan"])
        return {stage: _run(folder, [f"latentlab.stages.{stage}", *rest]) for stage, rest in STAGES.items()}


def _write(path: Path, count: int) -> None:
    labels = np.random.default_rng(0).integers(0, 3, count)
    write_npz(path, {"images": data.synthetic(count), "labels": labels})


def _run(folder: str, module: list[str]) -> tuple[float, float]:
    """Seconds that a stage takes, and its peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *module], cwd=folder, stdout=subprocess.DEVNULL, env=os.environ | {"LATENTLAB_LIVE": "0"}
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(module)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024  # Linux counts in KiB


if __name__ == "__main__":
    main()
