"""The base of every block of parameters: typed, frozen, without unknown keys."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Parameters that are checked when they are read and never change afterwards.

    Strict: `"5"` is no number and `true` is no 1. Not a number and infinity are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def flattened(nested: Mapping[str, Any], separator: str) -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings, with their path: `reconstruction/bce`."""
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}{separator}{inner}", leaf) for inner, leaf in flattened(value, separator))
        else:
            yield name, value


Fraction = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Size = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
# YAML has lists and no tuples, hence not strict about the container
Sizes = Annotated[tuple[Annotated[int, Field(ge=1, strict=True)], ...], Field(min_length=1, strict=False)]
