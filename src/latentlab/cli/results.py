"""`latentlab results`: the main metrics, and those of uses."""

import os
from typing import Annotated

import typer

from latentlab.cli.named import STUDIES, each, within
from latentlab.cli.tables import print_wide, results
from latentlab.config import paths
from latentlab.config.replicates import replicates
from latentlab.tables import table
from latentlab.tables.rows import markdown


def show_results(
    names: STUDIES = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="as a Markdown table")] = False,
) -> None:
    """Show the main metrics of a study, and what its variants are good for."""
    chosen = each(names)
    for folder, p in chosen:
        with within(folder):
            rows = [*table.rows(table.read(p.variants), replicates(p.variants)), *table.references()]
        tables = table.shown(rows)
        if as_markdown:
            texts = [markdown(shown, table.FIRST, columns) for _, shown, columns in tables]
            print(*[f"## {p.study}\n"] * (len(chosen) > 1), "\n\n".join(texts), sep="\n")
            continue
        for title, shown, columns in tables:
            print_wide(results(f"study {p.study}, test split: {title}", shown, table.FIRST, columns))
        plots, numbers = (os.path.relpath(folder / path) for path in (paths.PLOTS, paths.METRICS))
        print(f"pictures: {plots}/   numbers: {numbers}/   runs: make ui")
