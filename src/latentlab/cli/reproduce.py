"""`latentlab reproduce`: run what is not up to date."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentlab.cli.named import load, within
from latentlab.config import paths, studies
from latentlab.config.stages import EACH_VARIANT, SINGLE_STAGES
from latentlab.errors import UserError

if TYPE_CHECKING:
    from latentlab.pipeline.dvc import Repo
    from latentlab.runner.hosts import Host

STAGES = (*SINGLE_STAGES, *EACH_VARIANT)


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
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="run stages on the workers of a Dask scheduler [default: on this machine]"
        ),
    ] = None,
    by_remote: Annotated[
        bool, typer.Option("--by-remote", help="files go through DVC's remote even if all workers see this folder")
    ] = False,
    warm: Annotated[bool, typer.Option(help="fork stages from processes that have imported their libraries")] = True,
) -> None:
    """Run every stage that is not up to date: `dvc repro`, several stages at once."""
    folder, targets = _targets(names, everything)
    from latentlab.runner.display import say
    from latentlab.runner.dry import would_run  # DVC takes a second
    from latentlab.runner.reproduce import reproduce

    with within(folder):
        if dry:
            say("\n".join(would_run(targets)))
            return
        start = time.perf_counter()
        ran = reproduce(targets, jobs, not stop, warm, hosts=hosts_of(scheduler, by_remote, jobs, warm))
        say(f"{ran} stages ran in {time.perf_counter() - start:.0f} s" if ran else "everything is up to date")
        for page in _pages(targets):
            say(f"page: {page}")


def hosts_of(scheduler: str | None, by_remote: bool, jobs: int | None, warm: bool) -> "Callable[[Repo], Host] | None":
    """The workers of a Dask scheduler, if one is named. Raises `UserError` without Dask."""
    if scheduler is None:
        if by_remote:
            raise UserError("--by-remote: found no --scheduler, whose workers it is for")
        return None
    try:
        from latentlab.cluster.cluster import Cluster
    except ModuleNotFoundError as error:
        raise UserError(
            f"--scheduler: found no module {error.name}, `pip install latentlab[cluster]` brings it"
        ) from None
    return partial(Cluster, scheduler, by_remote, jobs, warm)


def _pages(targets: list[str]) -> list[Path]:
    """The pages of the studies that were asked for whole, as far as they are there."""
    folders = [Path(target).parent for target in targets if Path(target).name == paths.PIPELINE.name]
    return [folder / paths.REPORT for folder in folders if (folder / paths.REPORT).exists()]


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
        load(folder)
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
