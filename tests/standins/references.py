"""Stands in for the stage `references`."""

from latentlab.config import paths
from latentlab.config.stages import ForReferences
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.json import write_json


def main() -> str:
    """Nothing to compare with."""
    read_parameters(ForReferences)
    write_json(paths.REFERENCES, {})
    return "references"


if __name__ == "__main__":
    run(main)
