"""What went wrong, in one line for a person."""

from collections.abc import Sequence


class UserError(Exception):
    """A fault that the user can mend: its text names the key or file, what was found and what is allowed."""

    exit_code = 1


def first_of(found: Sequence[str]) -> str:
    """The first of what was found, and how many more there are."""
    return found[0] + (f" and {len(found) - 1} more" if len(found) > 1 else "")
