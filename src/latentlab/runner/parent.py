"""Processes that end with the one that they work for, however that ends."""

import ctypes
import os
import signal
import sys

RUNNER = "LATENTLAB_RUNNER"  # the process that a stage works for, and ends with
RESTORED = "LATENTLAB_RESTORED"  # set where the run itself brings back what a stage that fails has lost
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent is gone


def end_with(parent: int) -> None:
    """Have this process killed when its parent is gone, which Linux can do; at once, if it is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def end_with_runner() -> None:
    """The same for the runner of stages, if one has started this process."""
    if RUNNER in os.environ:
        end_with(int(os.environ[RUNNER]))
