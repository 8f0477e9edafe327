"""The `latentlab` command."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from latentlab.config import params, paths
from latentlab.config.settings import flattened
from latentlab.errors import UserError
from latentlab.report import table
from latentlab.storage.replacing import replacing
from latentlab.storage.yaml import read_yaml

if TYPE_CHECKING:
    from latentlab.tracking.comparison import Cell

TABLE_WIDTH = 124

app = typer.Typer(
    help="Reproducible experiments with autoencoders. `dvc repro` runs them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run() -> None:
    """Entry point: a `UserError` becomes one line and exit code 1."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


@app.command()
def study(name: Annotated[str | None, typer.Argument(help="which study; without it, list them")] = None) -> None:
    """Copy studies/NAME.yaml to params.yaml, and say what that changes."""
    names = sorted(path.stem for path in paths.STUDIES.glob("*.yaml"))
    if name is None:
        for each in names:
            print(f"{each:12s} {_purpose(paths.STUDIES / f'{each}.yaml')}")
        return
    if name not in names:
        raise UserError(f"studies/: found no {name!r}, allowed: {', '.join(names) or 'nothing here'}")
    source = paths.STUDIES / f"{name}.yaml"
    params.load(source)
    changes = _changes(_flat(paths.PARAMS), _flat(source))
    with replacing(paths.PARAMS) as temporary:
        temporary.write_text(source.read_text())
    print("\n".join(changes) if changes else f"params.yaml is {source} already")


@app.command(name="reproduce")
def run_pipeline(
    jobs: Annotated[
        int | None, typer.Option(min=1, help="stages at once; without it, as many as there are cores for")
    ] = None,
) -> None:
    """Run every stage that is not up to date: `dvc repro`, several stages at once."""
    p = params.load()
    from latentlab.pipeline.runner import reproduce  # DVC takes a second

    start = time.perf_counter()
    ran = reproduce(jobs or max(1, (os.cpu_count() or 1) // p.threads))
    print(f"{ran} stages ran in {time.perf_counter() - start:.0f} s" if ran else "everything is up to date")


@app.command(name="results")
def show_results(
    markdown: Annotated[bool, typer.Option("--markdown", help="as a Markdown table")] = False,
) -> None:
    """Show the main metrics of the study in params.yaml."""
    p = params.load()
    metrics = table.read(p.study, p.variants)
    if markdown:
        print(table.markdown(metrics))
        return
    _print_wide(_columns(f"study {p.study}, test split", table.headings(), table.rows(metrics)))
    print(f"pictures: {paths.PLOTS / p.study}/   numbers: {paths.METRICS / p.study}/   runs: make ui")


@app.command(name="track")
def run_track(
    everything: Annotated[
        bool, typer.Option("--all", help="the results of every commit and experiment, not of the workspace")
    ] = False,
    register: Annotated[
        str | None, typer.Option(metavar="METRIC", help="give the best run's models the alias `best` in the registry")
    ] = None,
) -> None:
    """Make MLflow agree with the result files. What it has already is left alone."""
    p = params.load()
    if register is not None:
        table.better(register)
    if everything:
        from latentlab.tracking.revisions import track_revisions  # DVC takes a second

        print(track_revisions())
    else:
        from latentlab.tracking.workspace import track_workspace

        print(track_workspace(p.study, p.variants))
    if register is not None:
        from latentlab.tracking.registry import register_best

        print(register_best(p.study, register))


@app.command(name="compare", hidden=True)  # its name until version 0.2
@app.command(name="runs")
def show_runs(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="variants' names or runs' ids, of any study [default: all]")
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="a study, several times for several [default: that of params.yaml]")
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
    table.better(sort)
    from latentlab.tracking import comparison  # MLflow takes seconds

    wanted = [*(names or []), *(runs or [])]
    studies = study or ([] if wanted else [params.load().study])
    rows = comparison.ordered(comparison.grouped(comparison.find(studies, wanted, superseded)), sort)
    if csv:
        print(comparison.comma_separated(rows))
    elif markdown:
        print(comparison.markdown(rows))
    else:
        head, body = comparison.table(rows)
        _print_wide(_columns(f"runs by {sort}", head, ([_bold(cell) for cell in row] for row in body)))


def _bold(cell: "Cell") -> str:
    return f"[bold]{cell.text}[/bold]" if cell.best else escape(cell.text)


def _print_wide(table: Table) -> None:
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)  # a narrow window wraps lines, which beats cut numbers
    console.print(table)


def _columns(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title)
    for number, heading in enumerate(head):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _purpose(path: Path) -> str:
    """The first line of a study's header."""
    first = path.read_text().partition("\n")[0]
    return first.removeprefix("#").strip()


def _flat(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    return {key: str(value) for key, value in flattened(read_yaml(path), ".")}


def _changes(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """A line for each key that is added, removed or changed."""
    keys = [*new, *(key for key in old if key not in new)]
    return [
        f"{key}: {old.get(key, '(none)')} -> {new.get(key, '(none)')}" for key in keys if old.get(key) != new.get(key)
    ]
