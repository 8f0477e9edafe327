"""How a stage's `main` becomes a command: `python -m latentlab.stages.<stage> [variant]`."""

import signal
import sys
import time
from collections.abc import Callable

from latentlab.errors import UserError
from latentlab.pipeline.plan import check_unchanged

FIRST = "plan"  # the stage that makes the plans, and has none


def run(main: Callable[..., str]) -> None:
    """Call `main` with the command line's arguments, print the line that it returns and how long it took.

    A `UserError`, also that code or libraries are not those of the plan, becomes one line on stderr and exit code 1; a
    wrong number of arguments exit code 2.
    """
    module = sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]
    wanted = main.__code__.co_varnames[: main.__code__.co_argcount]
    given = sys.argv[1:]
    if len(given) != len(wanted):
        print(" ".join(["usage: python -m", module, *(name.upper() for name in wanted)]), file=sys.stderr)
        sys.exit(2)
    run_checked(main, module.rpartition(".")[2], given)


def run_checked(main: Callable[..., str], stage: str, given: list[str]) -> None:
    """Call `main` as `run` does, for the stage of this name."""
    start = time.perf_counter()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # `_guard` has set it so
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if stage != FIRST:
            check_unchanged(stage, *given)
        summary = main(*given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"error: {' '.join([stage, *given])}: interrupted", file=sys.stderr, flush=True)
        sys.exit(128 + signal.SIGINT)
    print(f"{summary} ({time.perf_counter() - start:.1f} s)")
