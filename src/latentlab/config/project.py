"""Where the project is that a folder belongs to. Stages and commands run in the folder of a study, somewhere in it."""

from pathlib import Path

MARK = ".dvc"  # the folder that makes a project
SWEEPS = Path(MARK, "tmp/sweeps")  # where `latentlab sweep` works
COPIES = (Path(MARK, "tmp/exps"), SWEEPS)  # the first is where `dvc exp run --temp` and `--queue` do


def root(folder: Path | None = None) -> Path:
    """The nearest parent of a folder (the current one) that is a project, or the folder if there is none."""
    folder = (folder or Path()).resolve()
    return next((each for each in (folder, *folder.parents) if (each / MARK).is_dir()), folder)


def inner_folder() -> Path:
    """The current folder as seen from the project's root."""
    return Path.cwd().resolve().relative_to(root())


def home(folder: Path | None = None) -> Path:
    """The same, but for the copies in which DVC runs experiments the project that they are from.

    What is to outlast an experiment is there: MLflow's store and the downloads.
    """
    inner = root(folder)
    copies = [each for each in inner.parents if any(inner.is_relative_to(each / part) for part in COPIES)]
    return copies[0] if copies else inner
