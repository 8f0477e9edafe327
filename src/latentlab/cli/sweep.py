"""`latentlab sweep`: trainings that differ in a few settings."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import load, within
from latentlab.cli.reproduce import hosts_of
from latentlab.config import paths, studies
from latentlab.errors import UserError


def run_sweep(
    axes: Annotated[
        list[str], typer.Argument(metavar="VARIANT.KEY=VALUE,...", help="settings, such as vae.latent_dim=2,8,32")
    ],
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each setting, with seeds one after the other")] = 1,
    study: Annotated[str | None, typer.Option(help="its study [default: that of the current folder]")] = None,
    metric: Annotated[
        str, typer.Option(metavar="METRIC", help="what the picture shows, as a metrics file names it")
    ] = "training.validation_bce",
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="cores to use [default: all]")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="have the workers of a Dask scheduler run stages [default: this machine]"),
    ] = None,
    by_remote: Annotated[
        bool, typer.Option("--by-remote", help="files go through DVC's remote even if all workers see this folder")
    ] = False,
    dry: Annotated[bool, typer.Option("--dry", help="say what would be trained, and train nothing")] = False,
) -> None:
    """Train a variant with every combination of settings, each an experiment of DVC's and a run in MLflow."""
    from latentlab.sweeps import axes as parsing
    from latentlab.sweeps import commits, experiment, results

    column = results.column(metric)
    variant, parsed = parsing.parse(axes)
    folder = studies.folder_of(study) if study else studies.current_folder()
    p = load(folder)
    base = commits.Base.of_workspace()
    with within(folder):
        found = experiment.experiments(paths.PARAMS.read_text(), variant, parsed, seeds)
        known = commits.known(each.name for each in found)
        if dry:
            print(*(f"{each.name}: {'there' if each.name in known else 'to be trained'}" for each in found), sep="\n")
            return
        from latentlab.runner.display import say
        from latentlab.sweeps.run import run

        options = {"jobs": jobs, "hosts": hosts_of(scheduler, by_remote, jobs, warm=True)}
        failure = run(found, base, _remote(), options, say)
        known = commits.known(each.name for each in found)
        metrics = {name: commits.metrics(commit, variant) for name, commit in known.items()}
        if metrics:
            about = f"{p.study}: sweep of {variant} over {', '.join(axis.key for axis in parsed)}"
            _tell(results.write(_folder(variant, axes, seeds), found, metrics, parsed, column, about))
        if failure:
            raise failure


def _tell(files: list[Path]) -> None:
    from latentlab.runner.display import say

    say(files[0].read_text().rstrip())
    for file in files:
        say(f"written: {file.absolute()}")


def _folder(variant: str, axes: list[str], seeds: int) -> Path:
    """Where the table and the picture of a sweep go: one folder for each."""
    called = hashlib.sha256(" ".join([*axes, str(seeds)]).encode()).hexdigest()[:6]
    return paths.SWEEPS / f"{variant}-{called}"


def _remote() -> dict[str, str]:
    """The project's remote, for workers elsewhere; none if there is none."""
    from latentlab.pipeline import dvc, objects

    with dvc.told(), dvc.Repo() as repo:
        try:
            return objects.whole_remote(repo)
        except UserError:
            return {}
