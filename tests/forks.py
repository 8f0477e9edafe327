"""Commands that start at once: a server has imported the large libraries and forks for each of them.

A folder with `python`, `dvc` and `latentlab` stands first in PATH. Each is a script that hands its arguments, folder,
environment, open files and limits to the server, and ends as the child there does, which joins its process group. If it
is killed, so is the child. The package itself is imported in the child: its source may have changed.
"""

import contextlib
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CLIENT = """#!{python} -ISB
import json, os, resource, signal, socket, sys
if "LATENTLAB_RUNNER" in os.environ:  # the stage would end with its runner by itself, but the server is its parent
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
content = json.dumps({{
    "command": [{name!r}, *sys.argv[1:]],
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "group": os.getpgid(0),
    "session": os.getsid(0) == os.getpid(),
    "limit": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
}}).encode()
socket.send_fds(server, [len(content).to_bytes(8, "big")], [0, 1, 2])
server.sendall(content)
try:
    code = server.recv(1)
except ConnectionResetError:  # the child was killed before it had read all
    code = b""
os._exit(int.from_bytes(code or b"\\x89", "big"))
"""
COMMANDS = ("python", "dvc", "latentlab")
LIBRARIES = (
    *("numpy", "pydantic", "ruamel.yaml", "typer", "rich", "tqdm", "PIL.Image", "filelock", "matplotlib.figure"),
    *("dvc.cli", "dvc.repo.reproduce", "dvc.commands.repro", "dvc.commands.checkout", "dvc.api"),
    *("dvc_data.hashfile.tree", "mlflow", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store"),
)
TENSORFLOW = ("tensorflow", "keras", "sklearn.manifold", "sklearn.pipeline", "skimage.metrics")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}


@contextlib.contextmanager
def forking(libraries: Sequence[str], commands: Sequence[str] = COMMANDS) -> Iterator[Path]:
    """The folder for PATH, while a server runs that has imported these libraries. What it has started ends with it."""
    with tempfile.TemporaryDirectory(prefix="forks") as temporary:
        folder = Path(temporary)
        address = str(folder / "socket")
        for name in commands:
            (folder / name).write_text(CLIENT.format(python=sys.executable, address=address, name=name))
            (folder / name).chmod(0o755)
        command = [sys.executable, __file__, str(folder), *libraries]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ | QUIET)
        try:
            while not (folder / "ready").exists():
                assert server.poll() is None
                time.sleep(0.01)
            yield folder
        finally:
            assert server.stdin
            server.stdin.close()  # the server ends what is left, then itself
            server.wait(60)


def serve(folder: Path) -> None:
    """Fork for each client until standard input ends."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(50)
    waiting: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor of a child's process
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        (folder / "ready").touch()
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    client, _ = listener.accept()
                    child = os.fork()
                    if not child:
                        selector.close()
                        listener.close()
                        for _, other in waiting.values():
                            other.close()
                        _be(client, folder)
                    descriptor = os.pidfd_open(child)
                    waiting[descriptor] = child, client
                    selector.register(descriptor, selectors.EVENT_READ)
                    selector.register(client, selectors.EVENT_READ, child)
                elif key.fd == 0:
                    _end([child for child, _ in waiting.values()])
                    return
                elif isinstance(key.fileobj, socket.socket):
                    if key.fileobj.fileno() < 0:  # closed a moment ago, as its child has ended
                        continue
                    if not _is_gone(key.fileobj):  # what it sends is for the child
                        time.sleep(0.001)
                        continue
                    selector.unregister(key.fileobj)
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(key.data, signal.SIGKILL)
                elif key.fd in waiting:
                    child, client = waiting.pop(key.fd)
                    selector.unregister(key.fd)
                    with contextlib.suppress(KeyError):
                        selector.unregister(client)
                    os.close(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                    with contextlib.suppress(OSError):  # the client may have been killed
                        client.sendall(bytes([code if code >= 0 else 128 - code]))
                    client.close()


def _is_gone(client: socket.socket) -> bool:
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _end(children: Sequence[int]) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _be(client: socket.socket, folder: Path) -> None:
    """Become what a client asks for, in a child of the server. Never returns."""
    code = 1
    try:
        size, descriptors, _, _ = socket.recv_fds(client, 8, 3)
        if not size:  # killed before it could ask
            os._exit(1)
        content = b""
        while len(content) < int.from_bytes(size, "big"):
            content += client.recv(2**16)
        wanted = json.loads(content)
        client.close()
        if wanted["session"]:
            os.setsid()
        else:
            os.setpgid(0, wanted["group"])
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["limit"], resource.RLIM_INFINITY))
        os.chdir(wanted["folder"])
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.environ.pop("LATENTLAB_RUNNER", None)
        sys.path[:0] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        sys.executable = str(folder / "python")
        code = _run(wanted["command"])
    except SystemExit as error:
        code = _exit_code(error.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _leave(code)


def _run(command: Sequence[str]) -> int:
    name, *arguments = command
    sys.argv = [name, *arguments]
    if name == "dvc":
        from dvc.cli import main

        return int(main(arguments))
    if name == "latentlab":
        from latentlab.cli import run

        run()
        return 0
    assert arguments[0] == "-m", command
    sys.orig_argv = [sys.executable, *arguments]
    sys.argv = ["-m", *arguments[2:]]  # as it is while `python -m` looks for the module
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    return 0


def _exit_code(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _leave(code: int) -> None:
    """What Python does at its end, but for freeing what the server has."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    for library in sys.argv[2:]:
        __import__(library)
    serve(Path(sys.argv[1]))
