"""Two files of one kind: how far apart their contents are, and where most."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.errors import UserError
from latentlab.storage.csv import read_csv
from latentlab.storage.json import read_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.storage.reading import reading
from latentlab.verify import tolerances
from latentlab.verify.difference import Difference, largest, of_arrays, of_values, unmeasured
from latentlab.verify.weights import Model, read_model

NOTHING = "none"
OTHER_BYTES = Difference("the same content in other bytes:", "old", "new", 0.0)
Made = Iterator[Difference]


@dataclass(frozen=True)
class Comparison:
    """The largest difference of two files; the first epoch of a history and the first layer of a model that differ."""

    difference: Difference
    epoch: int | None = None
    layer: str | None = None


def compare(name: str, old: Path, new: Path) -> Comparison:
    """Two files whose bytes differ; what kind they are of, their `name` says. What cannot be read is a difference."""
    suffix = Path(name).suffix
    try:
        if suffix == ".keras":
            return _of_models(read_model(old), read_model(new))
        if suffix == ".csv":
            return _of_tables(read_csv(old), read_csv(new))
        difference = largest(KINDS.get(suffix, _of_bytes)(old, new))
    except UserError as error:
        difference = unmeasured("", "a file", error)
    return Comparison(difference or OTHER_BYTES)


def _of_bytes(_: Path, __: Path) -> Made:
    yield unmeasured("", "a file", "other bytes")


def _of_npz(old: Path, new: Path) -> Made:
    yield from of_mappings(read_npz(old), read_npz(new))


def _of_json(old: Path, new: Path) -> Made:
    yield from of_mappings(dict(leaves(read_json(old))), dict(leaves(read_json(new))))


def _of_pickles(old: Path, new: Path) -> Made:
    ours, theirs = read_pickle(old), read_pickle(new)
    found = {each.place.partition("[")[0]: each for each in of_mappings(ours, theirs)}
    moved, cause = found.get(tolerances.MAP), found.get(tolerances.MAP_OF)
    if moved and math.isfinite(moved.size) and tolerances.MAP_OF in ours and (cause is None or cause.within):
        found[tolerances.MAP] = moved.excuse("t-SNE makes another map of features that are within tolerance")
    yield from found.values()


def _of_pictures(old: Path, new: Path) -> Made:
    found = of_arrays("pixel", _pixels(old), _pixels(new), tolerances.PICTURE)
    if found:
        yield found


KINDS: Mapping[str, Callable[[Path, Path], Made]] = {
    ".npz": _of_npz,
    ".json": _of_json,
    ".pkl": _of_pickles,
    ".png": _of_pictures,
}


def of_mappings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Made:
    """Of values by their name; a name that only one has is a difference."""
    for name in [*old, *(each for each in new if each not in old)]:
        if found := of_values(name, old.get(name, NOTHING), new.get(name, NOTHING)):
            yield found


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The plain values in nested ones, with their path: `tsne.knn_accuracy`, `image_shape.0`."""
    if isinstance(content, Mapping | list):
        pairs = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in pairs:
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, content


def _pixels(path: Path) -> Array:
    """A picture as (H, W, 4) uint8."""
    from PIL import Image  # here, as few comparisons come to pictures

    with reading(path, ValueError, SyntaxError, Image.DecompressionBombError), Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


def _of_tables(old: Mapping[str, Array], new: Mapping[str, Array]) -> Comparison:
    """Of two histories (rows,): the largest difference, and the first epoch with one."""
    if list(old) != list(new):
        return Comparison(unmeasured("columns", ", ".join(old), ", ".join(new)))
    rows = [min(len(column), len(new[name])) for name, column in old.items()]
    shared = min(rows, default=0)
    epochs = old.get("epoch", np.arange(1, shared + 1))
    found = {
        (row, name): difference
        for row in range(shared)
        for name in old
        if (difference := _of_cell(name, int(epochs[row]), old[name][row].item(), new[name][row].item()))
    }
    first = min((row for row, _ in found), default=None)
    counts = [len(next(iter(table.values()), np.empty(0))) for table in (old, new)]
    if counts[0] != counts[1]:
        epoch = shared + 1 if first is None else int(epochs[first])
        return Comparison(unmeasured("epochs", *counts), epoch)
    return Comparison(largest(found.values()) or OTHER_BYTES, None if first is None else int(epochs[first]))


def _of_cell(name: str, epoch: int, old: float, new: float) -> Difference | None:
    return of_values(f"{name} of epoch {epoch}", old, new)


def _of_models(old: Model, new: Model) -> Comparison:
    """Of two models: the largest difference of a weight, and the first layer with one."""
    if old.weights.keys() != new.weights.keys():
        ours, theirs = (list(dict.fromkeys(layer for layer, _ in model.weights)) for model in (old, new))
        return Comparison(unmeasured("layers", ", ".join(ours), ", ".join(theirs)))
    found = {
        layer_and_key: difference
        for layer_and_key, array in old.weights.items()
        if (difference := of_arrays(_named(*layer_and_key), array, new.weights[layer_and_key]))
    }
    layer = next((layer for layer, _ in found), None)
    if not found and old.config != new.config:
        return Comparison(unmeasured("", "an architecture", "another one"))
    return Comparison(largest(found.values()) or OTHER_BYTES, layer=layer)


def _named(layer: str, key: str) -> str:
    return f"layer {layer}, weight {key}"
