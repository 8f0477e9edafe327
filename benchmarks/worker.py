"""A process that trains one variant in one way, an epoch at each `go` on its standard input, until `end`.

It answers with JSON lines: `{"parameters": ...}` when it is ready, which is after one epoch to warm up,
`{"seconds": ...}` for each epoch, and `{"peak_mib": ...}` at the end.
"""

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

from benchmarks import data
from benchmarks.variants import KERAS_BLOG, variant
from benchmarks.ways import WAYS, Prepared


def main() -> None:
    """Do what standard input says."""
    arguments = _arguments()
    way = importlib.import_module(f"benchmarks.ways.{arguments.way}")
    # no name for the images, so that a way that has copied them can let go of them
    net = variant(arguments.variant, arguments.study)
    prepared: Prepared = way.prepare(net, data.load(arguments.images, arguments.mnist), arguments.threads)
    prepared.epoch()
    _say("parameters", prepared.parameters)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        start = time.perf_counter()
        prepared.epoch()
        _say("seconds", time.perf_counter() - start)
    _say("peak_mib", peak_mib())


def peak_mib() -> float:
    """Peak resident memory of this process. getrusage would also count that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024  # Linux counts in KiB


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--study", default=KERAS_BLOG)
    return parser.parse_args()


def _say(name: str, value: float) -> None:
    print(json.dumps({name: value}), flush=True)


if __name__ == "__main__":
    main()
