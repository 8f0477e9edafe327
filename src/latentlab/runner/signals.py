"""Ctrl-C and SIGTERM as a request that is heard where it does no harm."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def heeding(interrupt: Callable[[int], None]) -> Iterator[None]:
    """Call `interrupt` on Ctrl-C and SIGTERM, where signals can be handled; a second one does what it ever does."""
    before: dict[int, Any] = {}

    def handle(number: int, _: object) -> None:
        signal.signal(number, before[number])
        interrupt(number)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if (now := signal.getsignal(number)) is not signal.SIG_IGN:
                before[number] = now
                signal.signal(number, handle)
    except ValueError:  # not the main thread
        before.clear()
    try:
        yield
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)
