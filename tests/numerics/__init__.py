"""The same numbers each time."""
