"""The training section of the page, from the raw measurements."""

import statistics
from collections.abc import Callable

from benchmarks import machine
from benchmarks.raw import Raw
from benchmarks.ways import WAYS
from latentlab.tables.markdown import markdown_table

EPOCH = 60_000  # images, those of MNIST


def seconds(raw: Raw, variant: str, way: str) -> float:
    """Median seconds of an epoch, scaled to 60,000 images. Raises `KeyError` if it has not been measured."""
    record = raw["variants"][variant][way]
    return float(statistics.median(record["seconds"])) * EPOCH / int(record["images"])


def training(raw: Raw) -> str:
    """Seconds, ratios and memory of every variant and way that has been measured."""
    return "\n\n".join(
        [
            machine.sentence(raw["machine"]),
            f"Seconds an epoch of {EPOCH:,} images, medians of {_rounds(raw)} after one to warm up.{_scaled(raw)}",
            _table(raw, lambda variant, way: _digits(seconds(raw, variant, way))),
            "Times the engine's seconds:",
            _table(raw, lambda variant, way: f"{seconds(raw, variant, way) / seconds(raw, variant, 'engine'):.2f}"),
            "Peak memory of the process in MiB, data and libraries included:",
            _table(raw, lambda variant, way: f"{raw['variants'][variant][way]['peak_mib']:,.0f}"),
        ]
    )


def _table(raw: Raw, cell: Callable[[str, str], str]) -> str:
    """A row a variant, a column a way; what has not been measured is left empty."""
    ways = [way for way in WAYS if any(way in measured for measured in raw["variants"].values())]

    def known(variant: str, way: str) -> str:
        try:
            return cell(variant, way)
        except KeyError:
            return ""

    rows = [[variant, *(known(variant, way) for way in ways)] for variant in raw["variants"]]
    return markdown_table(["variant", *(WAYS[way] for way in ways)], rows)


def _digits(value: float) -> str:
    """About three digits, without an exponent."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def _rounds(raw: Raw) -> str:
    counts = sorted({len(record["seconds"]) for measured in raw["variants"].values() for record in measured.values()})
    return " or ".join(map(str, counts)) + (" epoch" if counts == [1] else " epochs")


def _scaled(raw: Raw) -> str:
    """Which variants were measured with another number of images."""
    fewer = [
        f"{variant} with {' and '.join(f'{count:,}' for count in sorted(counts))}"
        for variant, measured in raw["variants"].items()
        if (counts := {record["images"] for record in measured.values()}) != {EPOCH}
    ]
    return f" Measured on another number of images and scaled: {', '.join(fewer)}." if fewer else ""
