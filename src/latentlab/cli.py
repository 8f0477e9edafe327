"""The `latentlab` command."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from latentlab.config import params, paths, studies
from latentlab.config.stages import EACH_VARIANT, SINGLE_STAGES
from latentlab.errors import UserError
from latentlab.numerics.portable import set_switches
from latentlab.report import table
from latentlab.stages._source import begin_in_source_of_project

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
    """Entry point: a `UserError` becomes one line and its exit code, 1 but for a run that failed or was ended."""
    begin_in_source_of_project()
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


STAGES = (*SINGLE_STAGES, *EACH_VARIANT)
STUDIES = Annotated[
    list[str] | None, typer.Argument(metavar="[STUDY]...", help="which studies [default: that of the current folder]")
]


class _StudyCommands(TyperGroup):
    """What to say to `latentlab study NAME`, which put the parameters of a study over params.yaml before 0.2."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands:
            raise UserError(f"study: found {args[0]!r}, allowed: new; studies run by `latentlab reproduce NAME`")
        return super().resolve_command(ctx, args)


study_app = typer.Typer(cls=_StudyCommands, help="List the studies, or make one.", invoke_without_command=True)
app.add_typer(study_app, name="study")


@study_app.callback()
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
    _print_wide(_columns("studies", ["study", "state", "on disk", "about"], rows, left=("study", "state", "about")))


@study_app.command(name="new")
def make_study(
    name: Annotated[str, typer.Argument(help="a-z, 0-9 and _")],
    like: Annotated[
        str | None, typer.Option(metavar="STUDY", help="whose parameters, or a parameter file [default: the root's]")
    ] = None,
) -> None:
    """Make the folder studies/NAME with parameters to start from."""
    folder = os.path.relpath(studies.create(name, like))
    print(f"edit {folder}/{paths.PARAMS}, then `latentlab reproduce {name}`, or `dvc repro` in {folder}/")


def _each(names: list[str] | None) -> list[tuple[Path, params.Params]]:
    """Folders and parameters of the studies that were named, of that of the current folder without a name.

    All are looked at before anything runs. Raises `UserError`.
    """
    found = {studies.folder_of(name): None for name in names} if names else {studies.current_folder(): None}
    return [(folder, _load(folder)) for folder in found]


def _load(folder: Path) -> params.Params:
    with _within(folder):
        return studies.load()


@contextmanager
def _within(folder: Path) -> Iterator[None]:
    """The folder of a study as the current folder. Errors name it, if it is another one."""
    elsewhere = folder != Path.cwd()
    try:
        with chdir(folder):
            yield
    except UserError as error:
        if elsewhere:
            error.args = (f"{folder}: {error}",)  # and it keeps its exit code
        raise


@app.command(name="reproduce")
def run_pipeline(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY|STAGE]...",
            help="studies, or stages such as train@conv, or train for that of each variant, with what they need "
            "[default: the study of the current folder]",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="every study")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="cores to use [default: all]")] = None,
    stop: Annotated[bool, typer.Option("--stop/--keep-going", help="what to do when a stage fails")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="say what would run, and run nothing")] = False,
    warm: Annotated[bool, typer.Option(help="fork stages from processes that have imported their libraries")] = True,
) -> None:
    """Run every stage that is not up to date: `dvc repro`, several stages at once."""
    folder, targets = _targets(names, everything)
    from latentlab.runner.display import say
    from latentlab.runner.dry import would_run  # DVC takes a second
    from latentlab.runner.reproduce import reproduce

    with _within(folder):
        if dry:
            say("\n".join(would_run(targets)))
            return
        start = time.perf_counter()
        ran = reproduce(targets, jobs, not stop, warm)
        say(f"{ran} stages ran in {time.perf_counter() - start:.0f} s" if ran else "everything is up to date")


def _targets(names: list[str] | None, everything: bool) -> tuple[Path, list[str]]:
    """The folder to work in, and what is to be made, as seen from there. Raises `UserError`."""
    if everything and names:
        raise UserError(f"reproduce: found --all and {names[0]!r}, allowed: one of them")
    known = studies.studies() if names or everything else {}
    stages = [name for name in names or [] if name not in known and _is_stage(name)]
    chosen = [known[name] if name in known else _folder_of(name) for name in names or [] if name not in stages]
    if everything:
        chosen = list(known.values())
    if stages and len(chosen) > 1:
        raise UserError(f"reproduce: found {stages[0]!r} and several studies, allowed: stages of one study")
    folders = list(dict.fromkeys(chosen)) or [studies.current_folder()]
    for folder in folders:
        _load(folder)
    if stages or len(folders) == 1:
        return folders[0], stages or [str(paths.PIPELINE)]
    here = Path.cwd()
    return here, [os.path.relpath(folder / paths.PIPELINE, here) for folder in folders]


def _folder_of(study: str) -> Path:
    """The folder of a study, where it could be a stage. Raises `UserError`."""
    try:
        return studies.folder_of(study)
    except UserError as error:
        raise UserError(f"{error}; or a stage: {', '.join(STAGES)}") from None


def _is_stage(name: str) -> bool:
    return "@" in name or name in STAGES


@app.command(name="results")
def show_results(
    names: STUDIES = None, markdown: Annotated[bool, typer.Option("--markdown", help="as a Markdown table")] = False
) -> None:
    """Show the main metrics of a study."""
    chosen = _each(names)
    for folder, p in chosen:
        with _within(folder):
            metrics = table.read(p.variants)
        if markdown:
            print(*[f"## {p.study}\n\n"] * (len(chosen) > 1), table.markdown(metrics), sep="")
            continue
        _print_wide(_columns(f"study {p.study}, test split", table.headings(), table.rows(metrics)))
        plots, numbers = (os.path.relpath(folder / path) for path in (paths.PLOTS, paths.METRICS))
        print(f"pictures: {plots}/   numbers: {numbers}/   runs: make ui")


@app.command(name="verify")
def verify_results(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY] [VARIANT]...", help="what to make again [default: all of the study of the current folder]"
        ),
    ] = None,
    revision: Annotated[str, typer.Option("--rev", metavar="REV", help="a commit, branch or tag")] = "HEAD",
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="cores to use [default: all]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Make committed results again in a temporary clone and say what differs first, and why.

    Exit code: 0 all match, 1 within tolerance, 2 something differs, 3 could not be verified.
    """
    from latentlab.verify.run import verify  # DVC takes a second

    report = verify(names or [], revision, jobs)
    print(report.json() if as_json else "\n".join(report.lines()))
    raise typer.Exit(report.exit_code)


@app.command(name="machine")
def show_machine(
    native: Annotated[bool, typer.Option("--native", help="as under `numerics: native`")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False,
) -> None:
    """Show this machine's numerical fingerprint: where it is the same, results are the same bytes."""
    set_switches("native" if native else "portable")  # before numpy is imported
    from latentlab.numerics import fingerprint, science
    from latentlab.numerics.tensorflow import start_tensorflow
    from latentlab.numerics.threads import limit_threads
    from latentlab.pipeline.provenance import platform_tags

    start_tensorflow(seed=0, threads=1)
    limit_threads(1)
    kernels = {"TensorFlow": fingerprint.of_tensorflow(), "numpy, scipy and scikit-learn": science.of_science()}
    classes = {name: fingerprint.class_of(hashes) for name, hashes in kernels.items()}
    about = platform_tags()
    if as_json:
        print(json.dumps({"machine": about, "classes": classes, "kernels": kernels}, indent=1))
        return
    print(*(f"{name.removeprefix('platform.'):14} {value}" for name, value in about.items()), sep="\n")
    for name, hashes in kernels.items():
        _print_wide(_columns(f"{name}: {classes[name]}", ["kernel", "hash"], hashes.items()))


@app.command(name="track")
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
        table.for_selection(register)
    if everything and names:
        raise UserError(f"track: found --all and {names[0]!r}, allowed: one of them")
    chosen = _each(names) if register is not None or not everything else []
    if everything:
        from latentlab.tracking.revisions import track_revisions  # DVC takes a second

        print(track_revisions())
    for folder, p in chosen:
        with _within(folder):
            if not everything:
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
    table.better(sort)
    from latentlab.tracking import comparison  # MLflow takes seconds

    wanted = [*(names or []), *(runs or [])]
    rows = comparison.ordered(comparison.grouped(comparison.find(_shown(study, wanted), wanted, superseded)), sort)
    if csv:
        print(comparison.comma_separated(rows))
    elif markdown:
        print(comparison.markdown(rows))
    else:
        head, body = comparison.table(rows)
        _print_wide(_columns(f"runs by {sort}", head, ([_bold(cell) for cell in row] for row in body)))


def _shown(named: list[str] | None, wanted: Sequence[str]) -> Sequence[str]:
    """The studies whose runs are shown: the named ones, all if there are variants or ids to look for."""
    if named or wanted:
        return named or []
    return [_load(studies.current_folder()).study]


def _bold(cell: "Cell") -> str:
    return f"[bold]{cell.text}[/bold]" if cell.best else escape(cell.text)


def _print_wide(table: Table) -> None:
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)  # a narrow window wraps lines, which beats cut numbers
    console.print(table)


def _columns(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[str] = ()) -> Table:
    """A table of numbers, whose first column and those on the `left` are text."""
    table = Table(title=title)
    for heading in head:
        table.add_column(heading, justify="left" if heading in (head[0], *left) else "right")
    for row in rows:
        table.add_row(*row)
    return table
