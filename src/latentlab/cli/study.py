"""`latentlab study`: the studies that there are, and new ones."""

import os
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from latentlab.cli.tables import columns, print_wide
from latentlab.config import paths, studies
from latentlab.errors import UserError


class _StudyCommands(TyperGroup):
    """What to say to `latentlab study NAME`, which put the parameters of a study over params.yaml before 0.2."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands:
            raise UserError(f"study: found {args[0]!r}, allowed: new; studies run by `latentlab reproduce NAME`")
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=_StudyCommands, help="List the studies, or make one.", invoke_without_command=True)


@app.callback()
def list_studies(context: typer.Context) -> None:
    """List the studies: whether their results are up to date, and how much space they take."""
    if context.invoked_subcommand:
        return
    from latentlab.pipeline.state import size, state

    found = studies.studies()
    rows = [
        [name, escape(state(folder)), f"{size(folder) / 1e6:,.1f} MB", escape(studies.purpose(folder))]
        for name, folder in found.items()
    ]
    print_wide(columns("studies", ["study", "state", "on disk", "about"], rows, left=("study", "state", "about")))


@app.command(name="new")
def make_study(
    name: Annotated[str, typer.Argument(help="a-z, 0-9 and _")],
    like: Annotated[
        str | None, typer.Option(metavar="STUDY", help="whose parameters, or a parameter file [default: the root's]")
    ] = None,
) -> None:
    """Make the folder studies/NAME with parameters to start from."""
    folder = os.path.relpath(studies.create(name, like))
    print(f"edit {folder}/{paths.PARAMS}, then `latentlab reproduce {name}`, or `dvc repro` in {folder}/")
