"""Experiments as DVC keeps them: commits on top of the current one, by references that no branch has."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.config import paths, project
from latentlab.errors import UserError
from latentlab.pipeline.dvc import experiment_ref, lock_with
from latentlab.pipeline.provenance import git
from latentlab.sweeps.experiment import Experiment

NAMESPACE = "refs/exps"
OF_ALL = ("references", "compare", "report", "track")  # stages that the experiment has not run, so the base's stay
WHO = {"GIT_AUTHOR_NAME": "latentlab", "GIT_AUTHOR_EMAIL": "latentlab@localhost"}
COMMITTER = {name.replace("AUTHOR", "COMMITTER"): value for name, value in WHO.items()}


@dataclass(frozen=True)
class Base:
    """What experiments build on: the current commit, and the tree of the workspace's files as they are now."""

    commit: str
    tree: str

    @classmethod
    def of_workspace(cls) -> "Base":
        """As the files are now; the workspace and its index are not touched. Raises `UserError` without a commit."""
        commit = git("rev-parse", "--verify", "HEAD", folder=project.root())
        if commit is None:
            raise UserError("sweep: found no commit, allowed: a git repository with one, which experiments build on")
        with _index() as index:
            _git("read-tree", commit.strip(), **index)
            _git("add", "--update", ".", **index)
            _git("add", "--all", "--", "src", **index)  # new code, too: the result may come from it
            return cls(commit.strip(), _git("write-tree", **index))


@contextmanager
def _index() -> Iterator[dict[str, str]]:
    """The variable by which git works on an index of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        yield {"GIT_INDEX_FILE": f"{temporary}/index"}


def known(names: Iterable[str]) -> dict[str, str]:
    """The commits of those experiments that there are, by name."""
    listed = git("for-each-ref", "--format=%(objectname) %(refname:lstrip=4)", NAMESPACE, folder=project.root()) or ""
    found = {name: commit for commit, _, name in (line.partition(" ") for line in listed.splitlines())}
    return {name: found[name] for name in names if name in found}


def metrics(commit: str, variant: str) -> dict[str, Any]:
    """A variant's numbers in an experiment of the study in the current folder. Raises `UserError`."""
    path = (project.inner_folder() / paths.metrics(variant)).as_posix()
    text = git("show", f"{commit}:{path}", folder=project.root())
    if text is None:
        raise UserError(f"sweep: found no {path} in the experiment {commit[:9]}; `dvc exp remove` takes it away")
    content: dict[str, Any] = json.loads(text)
    return content


def commit(experiment: Experiment, folder: Path, base: Base) -> str:
    """A commit that differs from its base by what an experiment has made in a folder; it has no name yet.

    The same result on the same base gives the same commit. Raises `UserError` if git refuses.
    """
    inner = project.inner_folder()
    with _index() as index, tempfile.TemporaryDirectory() as temporary:
        _git("read-tree", base.tree, **index)
        for path, file in _files(experiment, folder, Path(temporary), base).items():
            blob = _git("hash-object", "-w", str(file))
            _git("update-index", "--add", "--cacheinfo", f"100644,{blob},{(inner / path).as_posix()}", **index)
        tree = _git("write-tree", **index)
    date = _git("show", "-s", "--format=%cI", base.commit)
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    message = f"experiment {experiment.name}"
    return _git("commit-tree", tree, "-p", base.commit, "-m", message, **WHO, **COMMITTER, **dates)


def name(experiment: Experiment, commit: str, base: Base) -> None:
    """Have DVC know a commit by the name of the experiment. Raises `UserError`."""
    _git("update-ref", experiment_ref(base.commit, experiment.name), commit)


def _files(experiment: Experiment, folder: Path, temporary: Path, base: Base) -> Mapping[Path, Path]:
    """Where what the experiment changes is, by its path in the study."""
    lock = git("show", f"{base.tree}:{(project.inner_folder() / paths.LOCK).as_posix()}", folder=project.root())
    (temporary / "base.lock").write_text(lock or "schema: '2.0'\nstages: {}\n")
    (temporary / "dvc.lock").write_text(lock_with(temporary / "base.lock", folder / paths.LOCK))
    (temporary / "params.yaml").write_text(experiment.whole)
    made = [path.relative_to(folder) for path in sorted((folder / paths.PLANS).glob("*.json"))]
    made = [path for path in made if path.stem not in OF_ALL]
    made.append(paths.metrics(experiment.variant))
    return {
        paths.PARAMS: temporary / "params.yaml",
        paths.LOCK: temporary / "dvc.lock",
        **{path: (folder / path).resolve() for path in made},
    }


def _git(*arguments: str, **variables: str) -> str:
    done = git(*arguments, folder=project.root(), **variables)
    if done is None:
        raise UserError(f"sweep: `git {' '.join(arguments[:2])}` failed")
    return done.strip()
