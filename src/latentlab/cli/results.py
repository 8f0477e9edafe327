"""`latentlab results`: the main metrics."""

import os
from typing import Annotated

import typer

from latentlab.cli.named import STUDIES, each, within
from latentlab.cli.tables import columns, print_wide
from latentlab.config import paths
from latentlab.report import table


def show_results(
    names: STUDIES = None, markdown: Annotated[bool, typer.Option("--markdown", help="as a Markdown table")] = False
) -> None:
    """Show the main metrics of a study."""
    chosen = each(names)
    for folder, p in chosen:
        with within(folder):
            metrics = table.read(p.variants)
        if markdown:
            print(*[f"## {p.study}\n\n"] * (len(chosen) > 1), table.markdown(metrics), sep="")
            continue
        print_wide(columns(f"study {p.study}, test split", table.headings(), table.rows(metrics)))
        plots, numbers = (os.path.relpath(folder / path) for path in (paths.PLOTS, paths.METRICS))
        print(f"pictures: {plots}/   numbers: {numbers}/   runs: make ui")
