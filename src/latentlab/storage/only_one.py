"""One process at a time: a lock that the system lets go of when its holder ends, however that happens."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from latentlab.errors import UserError


@contextmanager
def only_one(path: Path, doing: str) -> Iterator[None]:
    """Hold a lock, the file at `path`, while the block runs. The file is gone afterwards.

    Raises `UserError` that names the process which has it and says what that is `doing`.
    """
    with _locked(path, doing) as file:
        try:
            try:
                os.ftruncate(file.fileno(), 0)
                os.write(file.fileno(), f"{os.getpid()}\n".encode())
            except OSError as error:
                raise UserError(f"{path}: cannot be written ({error.strerror})") from None
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path, doing: str) -> TextIO:
    """The file at `path`, which this process alone has locked."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, file):
                return file
        except BlockingIOError:
            file.seek(0)
            process = f"process {number}" if (number := file.read().strip()) else "another process"
            file.close()
            raise UserError(f"{path}: {process} {doing}; wait for it or end it") from None
        except OSError as error:  # a file system without locks
            file.close()
            raise UserError(f"{path}: cannot be locked ({error.strerror})") from None
        file.close()  # whoever had the lock has just removed the file: a lock on it keeps nobody out


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
