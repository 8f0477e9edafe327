"""Images of some classes alone, for a variant that learns from these."""

from collections.abc import Mapping, Sequence

import numpy as np

from latentlab.config import paths
from latentlab.errors import UserError, listed
from latentlab.storage.json import read_json
from latentlab.storage.memory import Array


def of_classes(split: Mapping[str, Array], wanted: Sequence[int | str] | None, variant: str) -> Array:
    """Rows of a prepared split that have one of the classes which a variant names; all if it names none.

    Raises `UserError`.
    """
    if wanted is None:
        return np.arange(len(split["images"]))
    chosen = numbers(wanted, read_json(paths.CLASSES), variant)
    return np.flatnonzero(np.isin(split["labels"], chosen))


def numbers(wanted: Sequence[int | str], names: Mapping[str, str], variant: str) -> list[int]:
    """The numbers of classes that a variant names by number or name, each once, in order.

    `names` are those of all classes by their number. Raises `UserError`.
    """
    key = f"params.yaml: variants.{variant}.classes"
    if not names:
        raise UserError(f"{key}: found {list(wanted)}, but the dataset has no labels: remove the key")
    by_name = {name: int(number) for number, name in names.items()}
    found: set[int] = set()
    for each in wanted:
        number = by_name.get(each) if isinstance(each, str) else each
        if number is None or str(number) not in names:
            raise UserError(f"{key}: found {each!r}, allowed: {listed(by_name)}, or their numbers")
        found.add(number)
    return sorted(found)
