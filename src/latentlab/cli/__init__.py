"""The `latentlab` command: one file a command."""

from latentlab.cli.main import app, run

__all__ = ["app", "run"]
