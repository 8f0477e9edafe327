"""What the explorer of a page knows of one variant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentlab.metrics.overlap import nearest_others
from latentlab.report.packed import counts, steps
from latentlab.report.sheets import Fineness, Sheet
from latentlab.storage.memory import Array

NEIGHBOURS = 10
MOST = 10_000  # points: more make a page that is slow to open and to move in
MAP, CODE = "t-SNE", "code"  # what a panel may show of a variant


@dataclass(frozen=True)
class Explored:
    """Of the same n images for every variant: places (n, 2), scores (n,), neighbours (n, k), images (n, H, W, C).

    `inputs` are what the network was given, where that is not the image itself. `axes` (2, s) and `grid` are of images
    decoded from a grid of plane codes, in rows from the top.
    """

    name: str
    variational: bool
    features: Array
    places: Mapping[str, Array]
    scores: Mapping[str, Array]
    neighbours: Array
    reconstructions: Sheet | None = None
    inputs: Sheet | None = None
    axes: Array | None = None
    grid: Sheet | None = None

    @property
    def sheets(self) -> list[Sheet]:
        """All its pictures."""
        return [sheet for sheet in (self.reconstructions, self.inputs, self.grid) if sheet]

    def packed(self, fineness: Fineness | None) -> dict[str, Any]:
        """For the page, with pictures as fine as this, or without."""
        pictures = {"reconstructions": self.reconstructions, "inputs": self.inputs, "grid": self.grid}
        content = {
            "name": self.name,
            "variational": self.variational,
            "places": {name: [steps(column) for column in place.T] for name, place in self.places.items()},
            "scores": {name: steps(values) for name, values in self.scores.items()},
            "neighbours": counts(self.neighbours),
            "near": self.neighbours.shape[1],
        }
        if fineness:
            content |= {name: sheet.packed(fineness) for name, sheet in pictures.items() if sheet}
        if self.axes is not None:
            content["axes"] = [[round(float(value), 6) for value in axis] for axis in self.axes]
        return content


def of_test_images(embedded: Mapping[str, Any]) -> Array:
    """The rows of an embedding that the explorer shows: the first test images that were placed."""
    return np.flatnonzero(embedded["split"] == "test")[:MOST]


def explored(
    name: str,
    embedded: Mapping[str, Any],
    decoded: Mapping[str, Array],
    scores: Mapping[str, Array],
    rows: Array,
) -> Explored:
    """A variant in the explorer, from its embedding and from what its networks have `decoded`.

    `rows` (n,) are those of the test images that the embedding has, in its order; `scores` (N,) are of all test images.
    """
    of_test = of_test_images(embedded)
    features = embedded["features"][of_test]  # (n, D)
    places = {MAP: embedded["embedding"][of_test]}
    if features.shape[1] == 2:
        places[CODE] = features
    pictures = {}
    if "reconstructions" in decoded:
        pictures["reconstructions"] = Sheet(decoded["reconstructions"][rows])
    if "noisy" in decoded:
        pictures["inputs"] = Sheet(decoded["noisy"][rows], coarse=True)
    if "fine_grid" in decoded:
        pictures["grid"] = Sheet(decoded["fine_grid"].reshape(-1, *decoded["fine_grid"].shape[2:]))
    return Explored(
        name,
        "z_mean" in decoded,
        features,
        places,
        {score: values[rows] for score, values in scores.items()},
        nearest_others(features, NEIGHBOURS),
        axes=decoded.get("fine_axes"),
        **pictures,
    )
