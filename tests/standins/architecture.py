"""Stands in for an architecture. A training imports it late, and notes its number."""

from latentlab.config.settings import Settings, Size

LEVEL = 1


class Options(Settings):
    """A size that nothing depends on but the models' bytes."""

    size: Size = 2
