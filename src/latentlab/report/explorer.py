"""What the scripts of a page are given: numbers and pictures of all variants, as fine as the page's size allows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.palettes import Cividis256
from matplotlib.colors import to_hex

from latentlab.figures.style import MARKERS, look
from latentlab.metrics.alignment import debiased_cka
from latentlab.report.explored import Explored
from latentlab.report.packed import counts
from latentlab.report.sheets import Fineness, Sheet, finest
from latentlab.storage.memory import Array

LARGEST = 14_000_000  # bytes of a page
SMALL, EACH = 3_950_000, 350  # bytes that any page may take, or for each point of each variant if that is more
LETTERS = 5 / 4  # a byte
SURE = 0.96  # of what is left, as sizes are estimates
BOKEH = dict(
    zip(
        MARKERS,
        ("circle", "square", "diamond", "triangle", "inverted_triangle", "plus", "hex", "x", "triangle_pin", "star"),
        strict=True,
    )
)


SIGNS = dict(zip(MARKERS, "●■◆▲▼✚⬢✖▶★", strict=True))


def allowed(points: int, variants: int) -> int:
    """Bytes of a page with so many points in the maps of so many variants."""
    return min(LARGEST, max(SMALL, EACH * points * variants))


def looks(count: int) -> list[dict[str, str]]:
    """Colour, marker and sign of so many classes or variants, as in all pictures."""
    found = (look(number) for number in range(count))
    return [
        {"colour": to_hex(each["color"]), "marker": BOKEH[each["marker"]], "sign": SIGNS[each["marker"]]}
        for each in found
    ]


def explorer(
    index: Array, labels: Array | None, classes: Sequence[str], variants: Sequence[Explored]
) -> dict[str, Any]:
    """All but the pictures: of n images the numbers in the dataset (n,), and the classes (n,) if known.

    `classes` are their names by label.
    """
    cka = debiased_cka([variant.features for variant in variants])
    return {
        "index": counts(index),
        "labels": None if labels is None else counts(labels),
        "classes": list(classes),
        "looks": looks(max(len(classes), len(variants), 1)),
        "scale": list(Cividis256[::4]),
        "cka": [[None if np.isnan(value) else round(float(value), 4) for value in row] for row in cka],
    }


def pictures(images: Array, variants: Sequence[Explored], size: int) -> tuple[dict[str, Any], Fineness]:
    """The pictures of the explorer, which take about `size` bytes of the page at most, and how fine they are."""
    original = Sheet(images, lossless=True)
    sheets = [original, *(sheet for variant in variants for sheet in variant.sheets)]
    fineness = finest(sheets, int(size / LETTERS * SURE))
    packed = [variant.packed(fineness) for variant in variants]
    return {"images": original.packed(fineness), "variants": packed}, fineness
