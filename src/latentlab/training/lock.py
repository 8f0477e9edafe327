"""One training of a variant at a time: two would delete each other's temporary files and checkpoints."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentlab.errors import UserError


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock while the block runs; the system lets go of it when the process ends, however that happens.

    Raises `UserError` that names the process which has it. The file stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"{path}: process {file.read().strip()} trains this variant; wait for it or end it"
            ) from None
        except OSError as error:  # a file system without locks
            raise UserError(f"{path}: cannot be locked ({error.strerror})") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
