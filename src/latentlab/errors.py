"""What went wrong, in one line for a person."""


class UserError(Exception):
    """A fault that the user can mend: its text names the key or file, what was found and what is allowed."""
