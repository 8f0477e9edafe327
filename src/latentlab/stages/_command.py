"""How a stage's `main` becomes a command: `python -m latentlab.stages.<stage> [variant]`."""

import sys
import time
from collections.abc import Callable

from latentlab.errors import UserError
from latentlab.pipeline.restore import restore_outputs


def run(main: Callable[..., str], arguments: list[str] | None = None) -> None:
    """Call `main` with the command line's arguments, print the line that it returns and how long it took.

    A `UserError` becomes one line on stderr and exit code 1; a wrong number of arguments exit code 2. Whatever the
    failure, the outputs of the last run that went well are brought back.
    """
    given = sys.argv[1:] if arguments is None else arguments
    stage = main.__module__ if main.__module__ != "__main__" else sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]
    wanted = main.__code__.co_varnames[: main.__code__.co_argcount]
    if len(given) != len(wanted):
        usage = " ".join(["python -m", stage, *(name.upper() for name in wanted)])
        print(f"usage: {usage}", file=sys.stderr)
        sys.exit(2)
    start = time.perf_counter()
    try:
        summary = main(*given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        restore_outputs()
        sys.exit(1)
    except Exception:
        restore_outputs()
        raise
    print(f"{summary} ({time.perf_counter() - start:.1f} s)")
