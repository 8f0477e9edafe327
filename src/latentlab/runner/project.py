"""The project, for one runner at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from latentlab.config import paths, project
from latentlab.pipeline import dvc
from latentlab.storage.only_one import only_one


@contextmanager
def held() -> Iterator[dvc.Repo]:
    """The project that the current folder is in, which no other runner and no DVC is at work in meanwhile.

    Raises `UserError`, which names the process of another runner.
    """
    with ExitStack() as stack:
        if (project.root() / project.MARK).is_dir():  # elsewhere DVC says what is wrong
            stack.enter_context(only_one(project.root() / paths.RUNNER_LOCK, "runs the stages of this project"))
        yield stack.enter_context(dvc.locked())
