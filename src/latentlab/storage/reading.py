"""What is said of a file that cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentlab.errors import UserError


@contextmanager
def reading(path: Path, *faults: type[Exception], made_by: str = "dvc repro") -> Iterator[None]:
    """Turn a missing file and the `faults` of a damaged one into a `UserError` that names it.

    `made_by` is the command that makes the file, empty for a user's own.
    """
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such file" + (f"; `{made_by}` makes it" if made_by else "")) from None
    except Exception as error:
        if not isinstance(error, (OSError, *faults)):
            raise
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        kind = "cannot be read" if isinstance(error, OSError) else "cannot be read, damaged or truncated"
        remedy = f"; `{made_by}` makes it anew" if made_by else ""
        raise UserError(f"{path}: {kind} ({reason}){remedy}") from None
