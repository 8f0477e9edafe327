"""A temporary clone of what is committed, in which everything is made again and nothing comes from a cache."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from latentlab.config import paths, project
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.storage.yaml import read_yaml

# what git has of results: put aside, so that it is made again
IN_GIT = (paths.LOCK, paths.PLANS, paths.METRICS, paths.TABLES)
README = "README.md"  # what the stage `plan` puts into a new data/raw
CONFIG = """[core]
    autostage = false
[cache]
    dir = cache
    type = "reflink,copy"
"""
# of the user's, which would have the stages write or look elsewhere
UNWANTED = ("LATENTLAB_TENSORBOARD", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "DVC_ROOT", "DVC_STAGE")

MIRROR = "LATENTLAB_DATA_MIRROR"  # where published datasets are looked for, as seen from the user's folder


class NotVerifiedError(UserError):
    """There is no answer: something could not be made again, or nothing was recorded."""

    exit_code = 3


@dataclass(frozen=True)
class Clone:
    """Where the parts of a clone are: its project, and the folder for all that is temporary."""

    root: Path
    temporary: Path

    @property
    def committed(self) -> Path:
        """What was committed of a study's results."""
        return self.temporary / "committed"

    def variables(self) -> dict[str, str]:
        """The environment in which its stages run: its own source, no state of DVC's elsewhere, no MLflow."""
        kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        if kept.get(MIRROR):
            kept[MIRROR] = os.path.abspath(kept[MIRROR])
        path = os.pathsep.join(filter(None, [str(self.root / "src"), os.environ.get("PYTHONPATH", "")]))
        return kept | {
            "PYTHONPATH": path,
            "DVC_SITE_CACHE_DIR": str(self.temporary / "site"),
            "LATENTLAB_LIVE": "0",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.temporary}/mlflow.db",
        }


def commit_of(revision: str, root: Path) -> str:
    """The commit that a revision names. Raises `UserError`."""
    if not _git(root, "rev-parse", "--git-dir"):
        raise UserError("verify: found no git repository, allowed: a clone of the project")
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not found:
        raise UserError(f"--rev: found {revision!r}, allowed: a commit, a branch or a tag of this repository")
    return found


def has_changes(root: Path) -> bool:
    """Whether files differ from what is committed."""
    # the lock would be git's only reason to write
    return bool(_git(root, "--no-optional-locks", "status", "--porcelain"))


def _git(folder: Path, *arguments: str) -> str:
    """What git prints, stripped; nothing if it fails."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, errors="replace")
    return done.stdout.strip() if done.returncode == 0 else ""


@contextmanager
def cloned(root: Path, commit: str) -> Iterator[Clone]:
    """A clone of the project in a folder, at a commit; gone when the block ends. Raises `NotVerifiedError`."""
    top = Path(_git(root, "rev-parse", "--show-toplevel"))
    with tempfile.TemporaryDirectory(prefix="latentlab-verify-", ignore_cleanup_errors=True) as temporary:
        target = Path(temporary).resolve() / "project"
        # hooks of the user's would run in it, and a line for each file is no news
        quiet = ["-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false"]
        _run("git", *quiet, "clone", "--quiet", "--shared", "--no-checkout", str(top), str(target))
        _run("git", *quiet, "-C", str(target), "checkout", "--quiet", "--detach", commit)
        clone = Clone(target / root.resolve().relative_to(top.resolve()), target.parent)
        if not (clone.root / project.MARK).is_dir():
            raise NotVerifiedError(f"{commit[:7]}: found no {project.MARK}/, allowed: a commit with the pipeline")
        (clone.root / project.MARK / "config.local").write_text(CONFIG)
        _link_downloads(project.home(root) / paths.DOWNLOADS, clone.root / paths.DOWNLOADS)
        yield clone


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["failed"]
        raise NotVerifiedError(f"git: {lines[-1]}")


def _link_downloads(source: Path, target: Path) -> None:
    """Links to each file: what is missing is downloaded into the clone alone."""
    for path in source.rglob("*"):
        if path.is_file():
            link = target / path.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def put_aside(clone: Clone, study: Path) -> None:
    """Move what git has of a study's results to `clone.committed`. Raises `NotVerifiedError` if there is nothing."""
    if not (study / paths.LOCK).exists():
        raise NotVerifiedError(f"{paths.LOCK}: not committed, allowed: a study with results; `latentlab reproduce`")
    clone.committed.mkdir()
    for path in IN_GIT:
        if (study / path).exists():
            shutil.move(study / path, clone.committed / path)


def bring_raw(ours: Path, study: Path, recorded: str) -> str:
    """Copy the user's own images from one study's folder to the same study in a clone; a line if there are none.

    `recorded` is the hash of data/raw in dvc.lock. No links: DVC may change the mode of files that it takes in.
    """
    source = ours / paths.RAW
    files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else []
    own = [path for path in files if path.name != README]
    if own or (files and md5(source) == recorded):
        missing = [path for path in files if not (study / paths.RAW / path.relative_to(source)).exists()]
        if len(own) > 1000:
            print(f"copying {len(missing):,} files of {paths.RAW}", file=sys.stderr)
        for path in missing:
            target = study / paths.RAW / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    if not own and _wants_own(study):
        return f"{ours / paths.RAW}: the study's own images are not here, without which nothing can be made again"
    return ""


def _wants_own(study: Path) -> bool:
    """Whether the committed parameters name a path below data/raw that the clone does not have."""
    block = read_yaml(study / paths.PARAMS).get("prepare")
    path = block.get("path") if isinstance(block, dict) else None
    return isinstance(path, str) and not (study / path).exists()
