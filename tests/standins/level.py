"""A number that the stand-in for `evaluate` imports."""

LEVEL = 1
