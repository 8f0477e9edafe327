"""`latentlab runs`: runs in MLflow side by side."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from latentlab.cli.named import load
from latentlab.cli.tables import print_wide, results
from latentlab.config import studies
from latentlab.errors import UserError
from latentlab.tables import rows as report
from latentlab.tables.columns import better

FIRST = "run"  # the heading of the first column


def show_runs(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="variants' names or runs' ids, of any study [default: all]")
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="a study, several times for several [default: that of the current folder]")
    ] = None,
    sort: Annotated[str, typer.Option(metavar="METRIC", help="best first")] = "test/bce",
    csv: Annotated[bool, typer.Option("--csv", help="every metric, for spreadsheets")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="as a Markdown table")] = False,
    superseded: Annotated[bool, typer.Option("--superseded", help="with runs of older versions")] = False,
    runs: Annotated[list[str] | None, typer.Option(hidden=True, help="as NAMES, until version 0.2")] = None,
) -> None:
    """Show finished runs in MLflow side by side. Those that differ only in the seed are a row: mean ± deviation."""
    if context.info_name == "compare":
        print("`latentlab compare` is now `latentlab runs`", file=sys.stderr)
    if csv and markdown:
        raise UserError("--csv and --markdown: found both, allowed: one of them")
    better(sort)
    from latentlab.tracking import comparison  # MLflow takes seconds

    wanted = [*(names or []), *(runs or [])]
    rows = comparison.ordered(comparison.grouped(comparison.find(_shown(study, wanted), wanted, superseded)), sort)
    if csv:
        print(comparison.comma_separated(rows))
    elif markdown:
        print(report.markdown(rows, FIRST))
    else:
        print_wide(results(f"runs by {sort}", rows, FIRST))


def _shown(named: list[str] | None, wanted: Sequence[str]) -> Sequence[str]:
    """The studies whose runs are shown: the named ones, all if there are variants or ids to look for."""
    if named or wanted:
        return named or []
    return [load(studies.current_folder()).study]
