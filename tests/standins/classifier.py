"""Stands in for the stage `classifier`."""

from latentlab.config import paths
from latentlab.config.stages import ForClassifier
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.npz import write_npz


def main() -> str:
    """Nothing to learn."""
    read_parameters(ForClassifier)
    write_npz(paths.CLASSIFIED, {})
    return "classifier"


if __name__ == "__main__":
    run(main)
