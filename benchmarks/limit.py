"""How near training comes to the machine's fastest matrix products: `python -m benchmarks.limit --help`.

It takes the engine's seconds from what `benchmarks.training` has measured.
"""

import argparse
import time
from pathlib import Path

from benchmarks import raw, tables
from benchmarks.page import write_section
from benchmarks.training import PAGE
from benchmarks.variants import variant
from benchmarks.ways import SEED
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.tables.markdown import markdown_table

SHAPE = (28, 28, 1)
SIZE = 2048  # rows and columns: large enough that the product is all that counts
REPEATS = 10


def main() -> None:
    """Measure the peak with the same number of threads, and write the limit section of the page."""
    arguments = _arguments()
    if not arguments.raw.exists():
        raise SystemExit(f"{arguments.raw}: no such file; python -m benchmarks.training makes it")
    content = raw.load(arguments.raw)
    highest = peak(content["machine"]["threads"])
    counts = {name: operations(name) for name, measured in content["variants"].items() if "engine" in measured}
    write_section(arguments.output, "limit", section(content, highest, counts))


def peak(threads: int) -> float:
    """GFLOP/s of a float32 matrix product, the best of several."""
    tf = start_tensorflow(SEED, threads)
    left, right = tf.random.normal([2, SIZE, SIZE])
    fastest = float("inf")
    for _ in range(REPEATS + 1):  # the first one warms up
        start = time.perf_counter()
        tf.matmul(left, right).numpy()
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * SIZE**3 / fastest / 1e9


def operations(name: str) -> int:
    """Floating point operations of training the variant on one image. TensorFlow must have been started."""
    from benchmarks import flops
    from latentlab.stages.train import build

    return flops.training(build(variant(name), SHAPE))


def section(content: raw.Raw, highest: float, counts: dict[str, int]) -> str:
    """The peak in GFLOP/s, and which share of it each variant reaches with `counts` operations an image."""
    rows = []
    for name, count in counts.items():
        reached = count * tables.EPOCH / tables.seconds(content, name, "engine") / 1e9
        rows.append([name, f"{count / 1e6:.2f}", f"{reached:.1f}", f"{reached / highest:.0%}"])
    return (
        f"A float32 product of two {SIZE}x{SIZE} matrices in TensorFlow reaches {highest:.0f} GFLOP/s with "
        f"{content['machine']['threads']} threads (the best of {REPEATS}). The table has which share of it the engine "
        "reaches in float32. Operations are those of matrix products and convolutions, forward and backward, as the "
        "model's layers define them; where training finds the same result with fewer, it is credited with all.\n\n"
        + markdown_table(["variant", "MFLOP an image", "GFLOP/s", "share of the peak"], rows)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="How near training comes to the machine's fastest matrix products.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--raw", type=Path, default=raw.DEFAULT, help="raw numbers of benchmarks.training")
    parser.add_argument("--output", type=Path, default=PAGE, help="page whose limit section is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
