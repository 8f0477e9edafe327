"""Real servers for tests: MLflow's, PostgreSQL's, and a proxy that makes a server slow or broken."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

START = 120.0  # seconds that a server may take to answer


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MlflowServer:
    """`mlflow server` on loopback, its artifacts below `folder`; it can be killed and started again.

    `accounts` is the configuration of MLflow's user accounts, without which everybody may do everything.
    """

    def __init__(self, folder: Path, backend: str | None = None, accounts: Path | None = None) -> None:
        self.folder = folder
        self.accounts = accounts
        self.backend = backend or f"sqlite:///{folder}/server.db"
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "MlflowServer":
        """Wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", self.backend, "--artifacts-destination", str(self.folder / "artifacts")]
        variables = _environment()
        if self.accounts:
            command += ["--app-name", "basic-auth"]
            variables |= {"MLFLOW_AUTH_CONFIG_PATH": str(self.accounts), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for tests"}
        log = (self.folder / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*command, "--workers", "1"], stdout=log, stderr=log, start_new_session=True, env=variables
            )
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.uri}/health", timeout=5).ok:
                    return self
            time.sleep(0.1)
        raise RuntimeError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        """End it and its workers at once."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def _environment() -> dict[str, str]:
    """Without the tests' own store, which the server would take for its own, and without what slows its start."""
    others = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return others | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@contextlib.contextmanager
def mlflow_server(folder: Path, backend: str | None = None, accounts: Path | None = None) -> Iterator[MlflowServer]:
    """A running server, killed at the end."""
    server = MlflowServer(folder, backend, accounts)
    try:
        yield server.start()
    finally:
        server.kill()


@contextlib.contextmanager
def faulty(target: str, delay: float = 0.0, status: int | None = None) -> Iterator[str]:
    """The address of a proxy that waits `delay` seconds before each call, or answers it with `status` itself."""
    host = target.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        def handle_one_call(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(delay)
            if status is not None:
                self.answer(status, b"broken")
                return
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            self.answer(answer.status, answer.read(), answer.getheader("Content-Type", "text/plain"))
            connection.close()

        def answer(self, code: int, body: bytes, kind: str = "text/plain") -> None:
            with contextlib.suppress(OSError):  # the other side may be gone
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one_call  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, if it is installed; Debian does not put it on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    return Path(program).parent if (program := shutil.which("initdb")) else None


@contextlib.contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """The address of a database in a PostgreSQL server of its own. It refuses to run as root, so root lends a user."""
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data, port = f"{folder}/data", free_port()

        def call(program: str, *arguments: str) -> None:
            subprocess.run([programs / program, *arguments], user=user, cwd=folder, check=True, capture_output=True)

        call("initdb", "--pgdata", data, "--username", "latentlab", "--auth", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call("pg_ctl", "--pgdata", data, "--wait", "--log", f"{folder}/log", "--options", options, "start")
        try:
            yield f"postgresql://latentlab@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "--pgdata", data, "--wait", "--mode", "immediate", "stop")
