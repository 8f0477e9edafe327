"""A trained variant of a study, and files of the user's for it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import load
from latentlab.config import paths, studies
from latentlab.config.stages import name_of
from latentlab.numerics.portable import set_switches
from latentlab.pipeline.plan import numerics_of

VARIANT = Annotated[str, typer.Argument(help="a trained variant")]
FILES = Annotated[
    list[str], typer.Argument(help="image files, or npz and npy files with arrays of images, of the study's size")
]
STUDY = Annotated[str | None, typer.Option(help="a study [default: that of the current folder]")]


def folder_for(variant: str, study: str | None) -> Path:
    """The study's folder, with libraries set up as its stages are. Call it before numpy is imported.

    Raises `UserError` for a study or variant that is not there.
    """
    folder = studies.folder_of(study) if study else studies.current_folder()
    set_switches(numerics_of(folder / paths.plan(name_of("extract", variant))) or "portable")
    load(folder).variant(variant)
    return folder


def seen_from(folder: Path, files: Sequence[str]) -> list[Path]:
    """Paths of files as they are in a study's folder."""
    return [Path(file if os.path.isabs(file) else os.path.relpath(file, folder)) for file in files]
