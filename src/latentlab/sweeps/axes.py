"""What a sweep goes through: `vae.latent_dim=2,8,32` is an axis, of a variant."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentlab.errors import UserError
from latentlab.storage.yaml import parse_yaml

WORD = re.compile(r"(?P<variant>[a-z][a-z0-9_]*)\.(?P<key>[a-z][a-z0-9_.]*)=(?P<values>.+)", re.DOTALL)
FORM = "VARIANT.KEY=VALUE,VALUE,... such as vae.latent_dim=2,8,32"


@dataclass(frozen=True)
class Axis:
    """A setting of the variant, dotted where it is nested, and its values, by their text."""

    key: str
    values: Mapping[str, Any]


def parse(words: Sequence[str]) -> tuple[str, list[Axis]]:
    """The variant and the axes. Raises `UserError`."""
    variants, axes = [], []
    for word in words:
        found = WORD.fullmatch(word)
        if not found:
            raise UserError(f"sweep: found {word!r}, allowed: {FORM}")
        variants.append(found["variant"])
        axes.append(Axis(found["key"], _values(found["values"], word)))
    if len(set(variants)) != 1:
        raise UserError(f"sweep: found {', '.join(dict.fromkeys(variants)) or 'nothing'}, allowed: keys of one variant")
    keys = [axis.key for axis in axes]
    if twice := [key for key in keys if keys.count(key) > 1 or key == "seed"]:
        raise UserError(f"sweep: found {twice[0]}, allowed: each key once, and --seeds for seeds")
    return variants[0], axes


def _values(text: str, word: str) -> dict[str, Any]:
    parts = list(_divided(text))
    values = {part: parse_yaml(f"value: {part}", word)["value"] for part in parts}
    if len(values) < len(parts) or None in values.values():
        raise UserError(f"sweep: found {word!r}, allowed: values that are not empty, each once")
    return values


def _divided(text: str) -> Iterator[str]:
    """At the commas that are in no bracket."""
    part, depth = "", 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += letter
    yield part.strip()


def combinations(axes: Sequence[Axis]) -> list[dict[str, str]]:
    """Every choice of one value of each axis: texts by key, the last axis fastest."""
    keys = [axis.key for axis in axes]
    return [dict(zip(keys, each, strict=True)) for each in itertools.product(*(axis.values for axis in axes))]


def value(axes: Sequence[Axis], key: str, text: str) -> Any:
    """What a text of an axis stands for."""
    return next(axis.values[text] for axis in axes if axis.key == key)
