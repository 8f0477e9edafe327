"""npz files from elsewhere, in which anything may be."""

from pathlib import Path

import numpy as np

from latentlab.artifacts import Array
from latentlab.errors import UserError


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays in an npz file, compressed or not. Nothing is ever unpickled. Raises `UserError`."""
    try:
        with path.open("rb") as raw:
            content = np.load(raw, allow_pickle=False)
            if isinstance(content, np.ndarray):
                raise UserError(f"{path}: found a single array, allowed: an npz file, with names for its arrays")
            return dict(content)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # whatever is wrong with it: zip, zlib and numpy each raise their own kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: no npz file of plain numbers, or a damaged one ({reason})") from None
