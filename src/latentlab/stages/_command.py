"""How a stage's `main` becomes a command: `python -m latentlab.stages.<stage> [variant]`."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from latentlab.errors import UserError
from latentlab.pipeline.plan import check_unchanged
from latentlab.pipeline.restore import restore_outputs

SOURCE = Path(__file__).parents[2]
FIRST = "plan"  # the stage that makes the plans, and has none


def run(main: Callable[..., str]) -> None:
    """Call `main` with the command line's arguments, print the line that it returns and how long it took.

    A `UserError`, also that code or libraries are not those of the plan, becomes one line on stderr and exit code 1; a
    wrong number of arguments exit code 2. Whatever the failure, the outputs of the last run that went well are brought
    back.
    """
    module = sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]
    wanted = main.__code__.co_varnames[: main.__code__.co_argcount]
    given = sys.argv[1:]
    if len(given) != len(wanted):
        print(" ".join(["usage: python -m", module, *(name.upper() for name in wanted)]), file=sys.stderr)
        sys.exit(2)
    _use_source_of_project(module)
    run_checked(main, module.rpartition(".")[2], given)


def _use_source_of_project(module: str) -> None:
    """Begin anew with the `src/` of the project that the process is in, if this package is another one.

    An editable install points at one tree, while `dvc exp run --temp` works in a copy, and a virtual environment may
    serve several clones.
    """
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), None)
    source = root / "src" if root else None
    if source is None or not (source / "latentlab").is_dir() or source.samefile(SOURCE):
        return
    others = os.environ.get("PYTHONPATH", "")
    if others.split(os.pathsep)[0] == str(source):  # tried, and something else comes first
        raise SystemExit(f"error: {SOURCE}: this latentlab runs in place of the one in {source}; uninstall it")
    path = os.pathsep.join(filter(None, [str(source), others]))
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], os.environ | {"PYTHONPATH": path})


def run_checked(main: Callable[..., str], stage: str, given: list[str]) -> None:
    """Call `main` as `run` does, for the stage of this name."""
    start = time.perf_counter()
    try:
        if stage != FIRST:
            check_unchanged(stage, *given)
        summary = main(*given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        restore_outputs()
        sys.exit(1)
    except Exception:
        restore_outputs()
        raise
    print(f"{summary} ({time.perf_counter() - start:.1f} s)")
