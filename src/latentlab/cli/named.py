"""The studies that a command is given by name."""

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from latentlab.config import params, studies
from latentlab.errors import UserError

STUDIES = Annotated[
    list[str] | None, typer.Argument(metavar="[STUDY]...", help="which studies [default: that of the current folder]")
]


def each(names: list[str] | None) -> list[tuple[Path, params.Params]]:
    """Folders and parameters of the studies that were named, of that of the current folder without a name.

    All are looked at before anything runs. Raises `UserError`.
    """
    found = {studies.folder_of(name): None for name in names} if names else {studies.current_folder(): None}
    return [(folder, load(folder)) for folder in found]


def load(folder: Path) -> params.Params:
    """Parameters of the study in a folder. Raises `UserError`."""
    with within(folder):
        return studies.load()


@contextmanager
def within(folder: Path) -> Iterator[None]:
    """The folder of a study as the current folder. Errors name it, if it is another one."""
    elsewhere = folder != Path.cwd()
    try:
        with chdir(folder):
            yield
    except UserError as error:
        if elsewhere:
            error.args = (f"{folder}: {error}",)  # and it keeps its exit code
        raise
