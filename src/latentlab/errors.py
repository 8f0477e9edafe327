"""What went wrong, in one line for a person."""

from collections.abc import Iterable, Sequence


class UserError(Exception):
    """A fault that the user can mend: its text names the key or file, what was found and what is allowed."""

    exit_code = 1


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names in one line, at most so many of them."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


def first_of(found: Sequence[str]) -> str:
    """The first of what was found, and how many more there are."""
    return found[0] + (f" and {len(found) - 1} more" if len(found) > 1 else "")
