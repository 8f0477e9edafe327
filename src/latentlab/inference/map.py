"""New images in a variant's map."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.embedding.new_points import place
from latentlab.errors import UserError
from latentlab.inference.codes import codes_of
from latentlab.storage.pickle import read_pickle


def places_of(variant: str, files: Sequence[Path]) -> dict[str, Any]:
    """The codes of the images in `files`, as `codes_of` has them, with their `embedding` (N, 2) in the variant's map.

    The map stays as it is. Raises `UserError` as `codes_of` does, and if there is no map, or one of other codes.
    """
    placed = read_pickle(paths.embedding(variant))
    codes = codes_of(variant, files)
    there, ours = placed["features"].shape[1], codes["features"].shape[1]
    if there != ours:
        raise UserError(
            f"{paths.embedding(variant)}: found codes of {there} entries where the encoder has {ours}; "
            "`dvc repro` makes it anew"
        )
    return codes | {"embedding": place(codes["features"], placed["features"], placed["embedding"])}
