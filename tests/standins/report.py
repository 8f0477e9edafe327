"""Stands in for the stage `report`."""

from latentlab.config import paths
from latentlab.config.stages import ForReport
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.replacing import replacing


def main() -> str:
    """The numbers of the variants, a line each."""
    p = read_parameters(ForReport)
    lines = [paths.metrics(name).read_text() for names in p.variants.values() for name in names]
    with replacing(paths.REPORT) as temporary:
        temporary.write_text("\n".join(lines))
    return "report"


if __name__ == "__main__":
    run(main)
