"""The folder in which the trainings of a sweep run: a project of its own below the study's, with the same cache.

What ends there is in the cache, so that nothing is lost with the folder but the checkpoints of trainings that go on.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from latentlab.config import paths, project, studies
from latentlab.config.stages import name_of
from latentlab.errors import UserError
from latentlab.pipeline.dvc import cache_folder
from latentlab.pipeline.objects import make_project
from latentlab.storage.replacing import replacing
from latentlab.sweeps.experiment import Experiment

LINKED = ("src", paths.REQUIREMENTS)  # what stages look for in their project
DONE = "made"  # a file that says that the folder is whole
LAST = ("evaluate", "plot")  # stages of a variant that need all others


def folder_of(found: Sequence[Experiment]) -> Path:
    """The folder for these experiments: the same each time that the same ones are asked for."""
    called = hashlib.sha256("\n".join(each.name for each in found).encode()).hexdigest()[:12]
    return project.root() / project.SWEEPS / called


def make(folder: Path, found: Sequence[Experiment], remote: dict[str, str]) -> None:
    """Fill the folder for experiments of the study in the current folder, each in one of its own there.

    Raises `UserError`.
    """
    root = project.root()
    try:
        if not (folder / DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in LINKED:
                if (root / name).exists():
                    (folder / name).symlink_to(root / name)
            make_project(folder, remote, cache_folder(root))
            (folder / DONE).touch()
        for each in found:
            _fill(folder / each.name, each, root / paths.PIPELINE)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror or error})") from None


def _fill(folder: Path, experiment: Experiment, pipeline: Path) -> None:
    if not (folder / paths.RAW).exists():
        _copy_raw(folder)
    for path, text in ((paths.PIPELINE, pipeline.read_text()), (paths.PARAMS, experiment.alone)):
        if not (folder / path).exists() or (folder / path).read_text() != text:
            with replacing(folder / path) as temporary:
                temporary.write_text(text)


def _copy_raw(folder: Path) -> None:
    """Own images, all or none."""
    if not paths.RAW.is_dir():
        studies.make_raw(folder)
        return
    copying = folder / "copying"
    shutil.rmtree(copying, ignore_errors=True)
    shutil.copytree(paths.RAW, copying, copy_function=_link, ignore_dangling_symlinks=True)
    (folder / paths.RAW).parent.mkdir(parents=True, exist_ok=True)
    copying.rename(folder / paths.RAW)


def _link(source: str, target: str) -> None:
    """A second name for a file of the user's images, or a copy where that cannot be had. Nothing writes to them."""
    try:
        Path(target).hardlink_to(Path(source).resolve())
    except OSError:
        shutil.copyfile(source, target)


def shared_target(experiment: Experiment) -> str:
    """What every experiment needs, and one makes for all: DVC's cache has it for the others."""
    return f"{experiment.name}/{paths.PIPELINE}:classifier"


def targets(experiment: Experiment) -> list[str]:
    """All that its result needs, as `reproduce` takes it in the sweep's folder."""
    return [f"{experiment.name}/{paths.PIPELINE}:{name_of(stage, experiment.variant)}" for stage in LAST]
