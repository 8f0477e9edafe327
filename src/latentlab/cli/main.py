"""The commands by name, and what becomes of an error."""

import sys

import typer

from latentlab.cli.archive import export_study, import_study
from latentlab.cli.embed import embed_images
from latentlab.cli.encode import encode_images
from latentlab.cli.machine import show_machine
from latentlab.cli.projector import export_projector
from latentlab.cli.report import show_report
from latentlab.cli.reproduce import run_pipeline
from latentlab.cli.results import show_results
from latentlab.cli.runs import show_runs
from latentlab.cli.study import app as study_app
from latentlab.cli.sweep import run_sweep
from latentlab.cli.track import run_track
from latentlab.cli.verify import verify_results
from latentlab.errors import UserError
from latentlab.stages._source import begin_in_source_of_project

app = typer.Typer(
    help="Reproducible experiments with autoencoders. `dvc repro` runs them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(study_app, name="study")
app.command(name="reproduce")(run_pipeline)
app.command(name="sweep")(run_sweep)
app.command(name="results")(show_results)
app.command(name="verify")(verify_results)
app.command(name="report")(show_report)
app.command(name="export")(export_study)
app.command(name="import")(import_study)
app.command(name="export-projector")(export_projector)
app.command(name="machine")(show_machine)
app.command(name="encode")(encode_images)
app.command(name="embed")(embed_images)
app.command(name="track")(run_track)
app.command(name="runs")(show_runs)
app.command(name="compare", hidden=True)(show_runs)  # its name until version 0.2


def run() -> None:
    """Entry point: a `UserError` becomes one line and its exit code, 1 but for a run that failed or was ended."""
    begin_in_source_of_project()
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
