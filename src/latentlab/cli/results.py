"""`latentlab results`: the main metrics."""

import os
from typing import Annotated

import typer

from latentlab.cli.named import STUDIES, each, within
from latentlab.cli.tables import print_wide, results
from latentlab.config import paths
from latentlab.config.replicates import replicates
from latentlab.report import table
from latentlab.report.rows import markdown


def show_results(
    names: STUDIES = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="as a Markdown table")] = False,
) -> None:
    """Show the main metrics of a study."""
    chosen = each(names)
    for folder, p in chosen:
        with within(folder):
            rows = table.rows(table.read(p.variants), replicates(p.variants))
        if as_markdown:
            print(*[f"## {p.study}\n\n"] * (len(chosen) > 1), markdown(rows, table.FIRST), sep="")
            continue
        print_wide(results(f"study {p.study}, test split", rows, table.FIRST))
        plots, numbers = (os.path.relpath(folder / path) for path in (paths.PLOTS, paths.METRICS))
        print(f"pictures: {plots}/   numbers: {numbers}/   runs: make ui")
