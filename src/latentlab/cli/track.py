"""`latentlab track`: MLflow, from the result files."""

from typing import Annotated

import typer

from latentlab.cli.named import STUDIES, each, within
from latentlab.errors import UserError
from latentlab.tables.columns import for_selection


def run_track(
    names: STUDIES = None,
    everything: Annotated[
        bool, typer.Option("--all", help="the results of every study, commit and experiment, not of the workspace")
    ] = False,
    register: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="give the best run's models the alias `best`; METRIC is validation_bce"),
    ] = None,
) -> None:
    """Make MLflow agree with the result files. What it has already is left alone."""
    if register is not None:
        for_selection(register)
    if everything and names:
        raise UserError(f"track: found --all and {names[0]!r}, allowed: one of them")
    chosen = each(names) if register is not None or not everything else []
    if everything:
        from latentlab.tracking.revisions import track_revisions  # DVC takes a second

        print(track_revisions())
    for folder, p in chosen:
        with within(folder):
            if not everything:
                from latentlab.tracking.workspace import track_workspace

                print(track_workspace(p.study, p.variants))
            if register is not None:
                from latentlab.tracking.registry import register_best

                print(register_best(p.study, register))
