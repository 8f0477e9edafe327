"""A stage under DVC works in a child process; the parent waits, and brings outputs back if the child fails.

DVC deletes a stage's outputs before it starts the stage. An error, Ctrl-C, a crash in native code, the system's killing
for want of memory: whatever ends the child, the parent is still there.
"""

import os
import signal
import sys

from latentlab.runner.parent import RESTORED, end_with, end_with_runner

VARIABLE = "DVC_STAGE"  # what DVC sets where it runs a stage
FORWARDED = (signal.SIGTERM, signal.SIGHUP)
HELD = (*FORWARDED, signal.SIGINT)


def work_in_child() -> None:
    """Return in a child process, if this is a stage that DVC runs. The parent ends as the child does.

    Call it before libraries are imported, whose threads a fork would lose.
    """
    if sys.argv[:1] != ["-m"] or VARIABLE not in os.environ:  # `-m` is there while `python -m` looks for the module
        return
    end_with_runner()
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # what comes too early waits
    child = os.fork()
    if child:
        sys.exit(_wait(child, before))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the stage begins: an import would end in a traceback
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    end_with(parent)  # nobody would wait for this process, and DVC would run the stage again


def _wait(child: int, mask: set[int | signal.Signals]) -> int:
    """The exit code of the child, as a shell gives it. What it may have lost is brought back before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the child, too
    for number in FORWARDED:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number in FORWARDED:  # the child is gone, and what follows must not be cut off
        signal.signal(number, signal.SIG_IGN)
    if code < 0:
        begin = "\n" if sys.stderr.isatty() else ""  # a progress bar may have the line
        line = f"error: {os.environ[VARIABLE]}: ended by {signal.Signals(-code).name}"
        print(f"{begin}{line}", file=sys.stderr, flush=True)
    if code and RESTORED not in os.environ:
        from latentlab.pipeline.restore import restore_outputs

        restore_outputs(os.environ[VARIABLE])
    return code if code >= 0 else 128 - code
