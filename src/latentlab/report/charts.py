"""Lines in charts of a page: plain values. A line's `number` is the place of its variant, None if it is of none."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from latentlab.metrics.curves import comparable
from latentlab.storage.memory import Array
from latentlab.tables.rows import Row

DIGITS = 5  # that a chart can show
NOISY = "noisy input"

Line = dict[str, Any]


def losses(name: str, number: int, history: Mapping[str, Array], pixels: int) -> Line:
    """Of one training, an epoch each: binary cross-entropy in nats a pixel of training and of validation images."""
    found = comparable(dict(history), pixels)
    lines = {"epoch": found["epoch"], "training": found["bce"], "validation": found["validation_bce"]}
    return {"name": name, "number": number} | {each: rounded(values) for each, values in lines.items()}


def denoising(variants: Sequence[Row], others: Mapping[str, Row], levels: Sequence[float]) -> list[Line]:
    """PSNR in dB over the `levels` of the noise: of variants, of `others` by what they are called, of what was noisy.

    The images were equally noisy for all variants; their line is the first one's. None where no variant has numbers.
    """
    lines = [
        {"name": row.name, "number": number, "psnr": values}
        for number, row in enumerate(variants)
        if (values := _psnr(row, "psnr_", levels))
    ]
    noisy = next((values for row in variants if (values := _psnr(row, "psnr_noisy_", levels))), None)
    if not lines or noisy is None:
        return []
    rest = {NOISY: noisy} | {name: values for name, row in others.items() if (values := _psnr(row, "psnr_", levels))}
    return lines + [{"name": name, "number": None, "psnr": values} for name, values in rest.items()]


def _psnr(row: Row, prefix: str, levels: Sequence[float]) -> list[float] | None:
    metrics = [f"denoising/{prefix}{level:g}" for level in levels]
    return rounded(row.means[metric] for metric in metrics) if all(each in row.means for each in metrics) else None


def roc(name: str, number: int, curve: tuple[Array, Array]) -> Line:
    """Shares of normal images and of anomalies that are flagged."""
    negatives, positives = map(rounded, curve)
    return {"name": name, "number": number, "negatives": negatives, "positives": positives}


def rounded(values: Iterable[float]) -> list[float]:
    """Numbers with as many digits as can be seen."""
    return [float(f"{value:.{DIGITS}g}") for value in values]
