"""A command runs the source of the project that it is in, whichever tree this environment's package is from."""

import os
import sys
from pathlib import Path

from latentlab.config import project

SOURCE = Path(__file__).parents[2]


def use_source_of_project() -> None:
    """`begin_in_source_of_project`, if this is a stage. Call it before anything that computes is imported."""
    if sys.argv[:1] == ["-m"]:  # what it is while `python -m` looks for the module
        begin_in_source_of_project()


def begin_in_source_of_project() -> None:
    """Begin the command anew with the `src/` of the project that the process is in, if this package is another one.

    An editable install points at one tree, while `dvc exp run --temp` works in a copy, and a virtual environment may
    serve several clones.
    """
    source = project.root() / "src"
    if not (source / "latentlab").is_dir() or source.samefile(SOURCE):
        return
    others = os.environ.get("PYTHONPATH", "")
    if others.split(os.pathsep)[0] == str(source):  # tried, and something else comes first
        raise SystemExit(f"error: {SOURCE}: this latentlab runs in place of the one in {source}; uninstall it")
    path = os.pathsep.join(filter(None, [str(source), others]))
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {"PYTHONPATH": path})
