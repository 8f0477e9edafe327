"""A server with user accounts: who may come in, what a wrong password costs, and that none is ever shown."""

import json
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mlflow.tracking import MlflowClient

from latentlab.config import paths
from latentlab.stages import classifier, evaluate, extract, plot, train, tsne
from latentlab.tracking import sender
from latentlab.tracking.glance import KEY, glance
from latentlab.tracking.place import Place, StoreError
from latentlab.tracking.sender import TRAINED
from latentlab.tracking.store import Store
from tests.conftest import ROOT, answering, commit, make_clone, prepare_study
from tests.locks import write_lock
from tests.tracking.servers import MlflowServer, mlflow_server

USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
ADMIN, ADA, BEN = ("admin", "the-admins-own-1"), ("ada", "adas-own-secret-2"), ("ben", "bens-own-secret-3")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials but those that a test sets."""
    for name in (USER, PASSWORD, TOKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def come_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[str, str]], None]:
    """Set the credentials of this process and of those that it starts."""

    def set_them(account: tuple[str, str]) -> None:
        monkeypatch.setenv(USER, account[0])
        monkeypatch.setenv(PASSWORD, account[1])

    return set_them


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server with the accounts that the docs set up, and two users."""
    folder = tmp_path_factory.mktemp("server")
    (block,) = re.findall(r"^\[mlflow\]\n(?:[^\n]+\n)+?(?=END\n)", (ROOT / "docs/sharing.md").read_text(), re.M)
    block = re.sub("(?<=database_uri = ).*", f"sqlite:///{folder}/accounts.db", block)
    (folder / "auth.ini").write_text(re.sub("(?<=admin_password = ).*", ADMIN[1], block))
    with mlflow_server(folder, accounts=folder / "auth.ini") as running:
        for name, password in (ADA, BEN):
            account = {"username": name, "password": password}
            made = requests.post(f"{running.uri}/api/2.0/mlflow/users/create", json=account, auth=ADMIN, timeout=60)
            assert made.ok, made.text
        yield running


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone with one result, made without DVC and recorded."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple"])
        prepare_study()
        classifier.main()
        for stage in (train, extract, tsne, evaluate, plot):
            stage.main("simple")
        write_lock(["simple"])
        commit("results")
        patch.setenv("LATENTLAB_LIVE", "1")
        patch.setattr(sender, "PATIENCE", 20.0)
        yield root


def latentlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["latentlab", *arguments], capture_output=True, text=True)
    shown = done.stdout + done.stderr
    assert not any(password in shown for _, password in (ADMIN, ADA, BEN))
    return done


def fails(*arguments: str) -> str:
    """The one line that a command ends with."""
    done = latentlab(*arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def works(*arguments: str) -> str:
    done = latentlab(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def trained(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Train, which has to end well, and return the lines of warning."""
    paths.history("simple").unlink()
    assert train.main("simple").startswith("train simple: 2 epochs")
    return [line for line in capfd.readouterr().err.splitlines() if "WARNING" not in line and line.strip()]


@pytest.mark.slow
def test_a_server_with_accounts(
    server: MlflowServer,
    clone: Path,
    come_as: Callable[[tuple[str, str]], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    search = f"{server.uri}/api/2.0/mlflow/experiments/search"
    assert requests.post(search, json={"max_results": 1}, timeout=60).status_code == 401
    refused = (
        f"MLFLOW_TRACKING_URI: {server.uri} cannot be used: not authenticated, allowed: an account's {USER} and "
        f"{PASSWORD}, or a {TOKEN}"
    )
    assert fails("track") == f"error: {refused}"
    come_as((ADA[0], "not-" + ADA[1]))
    assert fails("track") == fails("runs") == f"error: {refused}"
    assert trained(capfd) == [f"warning: no live losses: {refused}; `latentlab track` completes the run"]

    come_as(ADA)
    assert trained(capfd) == []
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, len(client.get_metric_history(run.info.run_id, "loss"))) == (TRAINED, 2)
    assert " 1 extended " in works("track")
    assert works("track").startswith("nothing to do")
    assert len(glance(Place(server.uri), "tiny")) == 1
    assert "| simple |" in works("runs", "--markdown")
    assert "models:/tiny-encoder@best is version 1" in works("track", "--register", "validation_bce")

    come_as(BEN)  # mends what is ada's
    client.delete_tag(run.info.run_id, "md5.encoder")
    client.delete_tag(run.info.run_id, "md5.plots")
    made = client.create_logged_model(experiment.experiment_id, "simple-encoder", source_run_id=run.info.run_id)
    (paths.plots("simple") / "none.png").write_bytes((paths.plots("simple") / "losses.png").read_bytes())
    write_lock(["simple"])
    assert " 1 extended " in works("track")
    assert made.model_id not in {model.model_id for model in client.search_logged_models([experiment.experiment_id])}
    assert "is registered as the best by" in works("track", "--register", "validation_bce")

    for name in (USER, PASSWORD):
        monkeypatch.delenv(name)
    address = server.uri.removeprefix("http://")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{ADA[0]}:{ADA[1]}@{address}")
    assert works("track").startswith(f"nothing to do, http://ada:***@{address} has all 1 runs")
    kept = [file for file in server.folder.rglob("*") if file.is_file() and file.name != "auth.ini"]
    assert any(file.name == "MLmodel" for file in kept)
    assert [file for file in kept if any(word.encode() in file.read_bytes() for _, word in (ADA, BEN))] == []
    server.kill()
    assert fails("runs").startswith(f"error: MLFLOW_TRACKING_URI: http://ada:***@{address} cannot be used: ")


class Handler(BaseHTTPRequestHandler):
    """An MLflow server with one run, which notes who asks."""

    server: Any

    def do_GET(self) -> None:  # noqa: D102
        self.answer(b'{"experiment": {"experiment_id": "1"}}')

    def do_POST(self) -> None:  # noqa: D102
        self.rfile.read(int(self.headers["Content-Length"]))
        tags = [{"key": KEY, "value": "k"}]
        run = {"info": {"status": "FINISHED", "artifact_uri": "a"}, "data": {"tags": tags}}
        self.answer(json.dumps({"runs": [run]}).encode())

    def answer(self, body: bytes) -> None:  # noqa: D102
        self.server.seen.append(self.headers.get("Authorization"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:  # noqa: D102
        pass


@contextmanager
def listening(certificate: Path | None = None) -> Iterator[Any]:
    """Such a server, with TLS if it has a certificate; its `seen` are the credentials that it was shown."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    server.handle_error = lambda *_: None  # who does not trust the certificate hangs up
    server.uri = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with answering(server):
        yield server


def certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, and its key, in one file; by a library of MLflow's."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.now(UTC) - timedelta(days=1)).not_valid_after(
        datetime.now(UTC) + timedelta(days=1)
    )
    builder = builder.add_extension(addresses, critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, None),
        ({USER: "ada", PASSWORD: "pass word"}, "Basic YWRhOnBhc3Mgd29yZA=="),
        ({USER: "ada"}, None),
        ({TOKEN: "abc"}, "Bearer abc"),
        ({USER: "ada", PASSWORD: "pass word", TOKEN: "abc"}, "Basic YWRhOnBhc3Mgd29yZA=="),
    ],
    ids=["nobody", "password", "name alone", "token", "both"],
)
def test_a_glance_shows_what_mlflow_shows(
    variables: dict[str, str], shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with listening() as server:
        assert set(glance(Place(server.uri), "tiny")) == {"k"}
        assert server.seen == [shown] * 2
        MlflowClient(server.uri).get_experiment_by_name("tiny")
        assert set(server.seen) == {shown}


def test_a_glance_takes_the_file_of_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow/credentials").write_text(f"[mlflow]\n{USER.lower()} = ada\n{PASSWORD.lower()} = word\n")
    with listening() as server:
        assert set(glance(Place(server.uri), "tiny")) == {"k"}
        assert server.seen == ["Basic YWRhOndvcmQ="] * 2
        monkeypatch.setenv(PASSWORD, "pass word")
        glance(Place(server.uri), "tiny")
        assert server.seen[-1] == "Basic YWRhOnBhc3Mgd29yZA=="
    (tmp_path / ".mlflow/credentials").write_text(f"{PASSWORD.lower()} = word")
    assert glance(Place("http://127.0.0.1:9"), "tiny") == {}
    with pytest.raises(StoreError, match=r"^~/.mlflow/credentials: cannot be read, allowed: an INI file with the sec"):
        Store(Place("http://127.0.0.1:9"))


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_glance_trusts_whom_mlflow_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = certificate(tmp_path / "own.pem")
    with listening(own) as server:
        assert glance(Place(server.uri), "tiny") == {}
        assert server.seen == []
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(own))
        assert set(glance(Place(server.uri), "tiny")) == {"k"}
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "none.pem"))
        assert glance(Place(server.uri), "tiny") == {}
        monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        assert set(glance(Place(server.uri), "tiny")) == {"k"}


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ada:secret@127.0.0.1:9", "http://ada:***@127.0.0.1:9"),
        ("https://ada:sec@ret@127.0.0.1:9/m", "https://ada:***@127.0.0.1:9/m"),
        ("https://:secret@127.0.0.1:9", "https://:***@127.0.0.1:9"),
        ("http://127.0.0.1:9/a@b", "http://127.0.0.1:9/a@b"),
        ("postgresql://mlflow:se/c@ret@127.0.0.1:9/mlflow", "postgresql://mlflow:***@127.0.0.1:9/mlflow"),
        ("postgresql+psycopg://x.org/m?user=a&password=secret", "postgresql+psycopg://x.org/m?user=a&password=***"),
    ],
)
def test_a_password_in_an_address_is_hidden(uri: str, shown: str) -> None:
    assert str(Place(uri)) == shown


@pytest.mark.parametrize(
    ("uri", "variables"),
    [
        ("http://ada:sec-ret@127.0.0.1:9", {}),
        ("nonsense://ada:sec-ret@127.0.0.1:9", {}),
        ("postgresql+psycopg://ada:sec-ret@127.0.0.1:9/m", {}),
        ("postgresql+psycopg://127.0.0.1:9/m?user=ada&password=sec-ret", {}),
        ("http://127.0.0.1:9", {USER: "ada", PASSWORD: "sec-ret"}),
        ("http://127.0.0.1:9", {TOKEN: "sec-ret\n"}),  # a header that may not be, which the fault repeats
    ],
)
def test_a_fault_hides_passwords(uri: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=r"^MLFLOW_TRACKING_URI: \S+ cannot be used: ") as raised:
        Store(Place(uri))
    assert "sec-ret" not in str(raised.value)
    assert "\n" not in str(raised.value)
