"""Keep how long each stage of a study took in its last run: `python -m benchmarks.stages [STUDY]...`.

The runner has it in `logs/`, which is not in git. Pages that say what a study costs have it from here.
"""

import argparse
import os
from pathlib import Path

from benchmarks import machine, raw
from latentlab.config import paths
from latentlab.config.studies import folder_of
from latentlab.storage.json import read_json

MEASURED = Path("benchmarks/measured/stages.json")


def main(arguments: list[str] | None = None) -> None:
    """Write the seconds of these studies; those of others stay."""
    parser = argparse.ArgumentParser(description="Keep how long each stage of a study took in its last run.")
    parser.add_argument("studies", nargs="*", default=["quick"], metavar="STUDY")
    content = read_json(MEASURED) if MEASURED.exists() else {}
    for study in parser.parse_args(arguments).studies:
        folder = folder_of(study)
        known = read_json(folder / paths.SECONDS)  # also of variants that are gone
        seconds = {name: known[name] for name in sorted(known) if (folder / paths.plan(name)).exists()}
        content[study] = {"machine": machine.describe(os.cpu_count() or 1), "seconds": seconds}
    raw.write(MEASURED, dict(sorted(content.items())))


if __name__ == "__main__":
    main()
