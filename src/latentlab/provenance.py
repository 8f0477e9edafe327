"""Where a result comes from: the commit, the state of the tree, the versions of the libraries."""

import platform
import subprocess
from importlib.metadata import version

LIBRARIES = ("dvc", "keras", "matplotlib", "mlflow", "numpy", "scikit-learn", "tensorflow")
RESULTS = ("dvc.lock", "metrics")  # in git, but written by the pipeline itself


def git_tags() -> dict[str, str]:
    """Commit, and whether tracked files differ from it other than by results; empty outside a git repository."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = _git("status", "--porcelain", "--", ".", *(f":!{path}" for path in RESULTS))
    return {"git.commit": commit, "git.dirty": str(bool(changes)).lower()}


def version_tags() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on."""
    return {"version.python": platform.python_version(), **{f"version.{name}": version(name) for name in LIBRARIES}}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
