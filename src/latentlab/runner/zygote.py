"""A process that has imported what stages take seconds to import, and forks for each of them.

Only libraries are imported ahead, and what this package itself sets before; the stage's own source is read in the fork.
The fork is then as a new process: its own folder, variables, signals and group.
"""

import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from latentlab.runner.forks import FORKABLE, become
from latentlab.runner.parent import RUNNER, end_with, end_with_runner

COMMON = (
    "numpy",
    "pydantic",
    "ruamel.yaml",
    "packaging.requirements",
    "tqdm",
    "threadpoolctl",
    "dvc_data.hashfile.tree",
)
LARGEST = 2**17  # bytes of a request; a socket takes more at once
TENSORFLOW, SCIENCE = "tensorflow", "science"
LIBRARIES = {
    TENSORFLOW: (
        *("mlflow.tracking", "mlflow.store.tracking.sqlalchemy_store", "requests"),  # for live losses
        *("sklearn.decomposition", "sklearn.mixture"),
    ),
    SCIENCE: (
        *("matplotlib.figure", "PIL.Image", "scipy.special", "skimage.metrics", "sklearn.decomposition"),
        *("sklearn.linear_model", "sklearn.manifold", "sklearn.model_selection", "sklearn.neighbors"),
    ),
}


def main(kind: str, channel: socket.socket) -> None:
    """Serve requests for stages until the other end of the channel is closed."""
    end_with_runner()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner to pass on
    added = import_libraries(kind)
    while True:
        ready = select.select([channel.fileno(), woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _report_ended(channel)
        if channel.fileno() in ready:
            message, descriptors, *_ = socket.recv_fds(channel, LARGEST, 1)
            if not message:
                return
            here = os.getpid()
            process = os.fork()
            if not process:
                channel.close()
                os.close(woken)
                os.close(wake)
                signal.signal(signal.SIGINT, interrupted)
                _serve(json.loads(message), added, descriptors[0], here)
            os.close(descriptors[0])
            _send(channel, {"started": process})


def import_libraries(kind: str) -> dict[str, str]:
    """Import what stages of a kind need, under the settings that they would make first; variables that this sets."""
    before = dict(os.environ)
    for name in COMMON:
        importlib.import_module(name)
    if kind == TENSORFLOW:
        from latentlab.numerics.tensorflow import import_tensorflow

        import_tensorflow()
    for name in LIBRARIES[kind]:
        importlib.import_module(name)
    return dict(os.environ.items() - before.items())


def _report_ended(channel: socket.socket) -> None:
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        _send(channel, {"ended": process, "code": os.waitstatus_to_exitcode(status)})


def _send(channel: socket.socket, content: dict[str, int]) -> None:
    channel.send(json.dumps(content).encode())


def _serve(request: dict[str, Any], added: dict[str, str], output: int, parent: int) -> NoReturn:
    """What the fork does: settle as a new process would be, and be the stage."""
    os.setsid()
    end_with(parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(added | request["environment"] | {RUNNER: str(parent), FORKABLE: "1"})
    nothing = os.open(os.devnull, os.O_RDONLY)
    become(request["module"], request["arguments"], (nothing, output, output))


if __name__ == "__main__":
    main(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
