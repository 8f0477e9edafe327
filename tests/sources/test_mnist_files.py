"""The published datasets: where they are looked for, in which order, and what is wrong with what is found."""

import gzip
import hashlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pooch.core
import pytest

from latentlab.config import paths
from latentlab.config.paths import DOWNLOADS
from latentlab.datasets.fashion_mnist import FASHION_MNIST
from latentlab.errors import UserError
from latentlab.sources import mnist_files
from latentlab.sources.idx import read_idx
from latentlab.sources.mnist_files import FILES, MIRROR, Gzipped, Published
from latentlab.storage.npz import read_npz
from tests.conftest import ROOT, answering, prepare_study

TIMEOUT = 0.25  # seconds that a server of these tests may be silent
PATIENCE = 2**28  # bytes that a server without an end sends at most
CONTENT = np.random.default_rng(0).integers(0, 256, 200_000, np.uint8).tobytes()


def idx_bytes(array: Any) -> bytes:
    """An IDX file with a uint8 array."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + bytes(array.astype(np.uint8).tobytes())


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, Any]:
    """A small dataset with the names of Keras."""
    return {
        "x_train": rng.integers(0, 256, (30, 4, 5), np.uint8),
        "y_train": np.arange(30, dtype=np.uint8) % 3,
        "x_test": rng.integers(0, 256, (6, 4, 5), np.uint8),
        "y_test": np.arange(6, dtype=np.uint8) % 3,
    }


@pytest.fixture
def toy(arrays: dict[str, Any], tmp_path: Path) -> Published:
    """That dataset, published; its package and its server do not exist."""
    return Published(
        name="toy",
        source="made up",
        sha256={key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in arrays.items()},
        files={key: published(gzip.compress(idx_bytes(array), mtime=0)) for key, array in arrays.items()},
        urls=("http://127.0.0.1:9/toy",),
        packages=(tmp_path / "package",),
        package_hint=", or install a package",
    )


def put_npz(folder: Path, arrays: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "toy.npz", **arrays)


def put_idx(folder: Path, arrays: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for key, (name, _) in FILES.items():
        (folder / name).write_bytes(idx_bytes(arrays[key]))


def put_gzip(folder: Path, arrays: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for key, (name, _) in FILES.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(arrays[key])))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """No waiting between attempts, no mirror."""
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setattr(mnist_files, "TIMEOUT", TIMEOUT)
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda _: None))


@pytest.mark.parametrize("put", [put_npz, put_idx, put_gzip])
@pytest.mark.parametrize("place", ["downloads/toy", "downloads", "mirror/toy", "mirror", "package"])
def test_every_place_and_format(
    put: Callable[..., None], place: str, toy: Published, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mirror").mkdir()
    monkeypatch.setenv(MIRROR, "mirror")
    put(Path(place), arrays)
    if place == "package":
        toy = replace(toy, packages=(Path("package"),))
    dataset = toy.load()
    assert dataset.found == place
    assert dataset.source == "made up"
    assert dataset.official_test == 6
    assert (dataset.images[:30, ..., 0] == arrays["x_train"]).all()
    assert (dataset.images[30:, ..., 0] == arrays["x_test"]).all()
    assert dataset.labels is not None
    assert (dataset.labels == np.concatenate([arrays["y_train"], arrays["y_test"]])).all()


def test_the_nearest_place_wins(toy: Published, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, "mirror")
    put_npz(Path("mirror"), arrays)
    assert toy.load().found == "mirror"
    put_idx(DOWNLOADS, arrays)
    assert toy.load().found == "downloads"


def test_a_wrong_hash_names_the_file(toy: Published, arrays: dict[str, Any]) -> None:
    arrays["y_test"][0] += 1
    put_idx(DOWNLOADS, arrays)
    with pytest.raises(UserError, match=r"^downloads/t10k-labels-idx1-ubyte: y_test is not toy's: found SHA-256 "):
        toy.load()


def test_a_mirror_that_is_not_there(toy: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, "nowhere")
    with pytest.raises(UserError, match=r"^LATENTLAB_DATA_MIRROR: found 'nowhere', allowed: a folder$"):
        toy.load()


def test_offline_without_a_source_lists_the_ways(toy: Published) -> None:
    with pytest.raises(UserError) as raised:
        toy.load()
    text = str(raised.value)
    assert "\n" not in text
    for part in (
        "toy: not at hand",
        "http://127.0.0.1:9/toy/train-images",
        "toy.npz",
        "downloads/toy/",
        MIRROR,
        "package",
    ):
        assert part in text
    assert not (DOWNLOADS / "toy").exists() or not list((DOWNLOADS / "toy").iterdir())


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`, in the ways that `server.faults` says, one a request."""

    server: Any

    def do_GET(self) -> None:  # noqa: D102
        fault = self.server.faults.pop(0) if self.server.faults else None
        content = self.server.files.get(self.path)
        self.server.requests.append(self.path)
        if content is None or isinstance(fault, int):
            self.send_error(fault or 404)
            return
        with suppress(OSError):  # who waits for an answer may be gone
            if fault in ("more", "endless"):
                self.answer_too_long(content, fault)
            else:
                self.answer(content, fault)

    def answer(self, content: bytes, fault: Any) -> None:  # noqa: D102
        if fault == "silent":
            time.sleep(2 * TIMEOUT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        content = bytes(255 - byte for byte in content) if fault == "wrong" else content
        self.wfile.write(content[: len(content) // 2])
        if fault == "stall":
            self.wfile.flush()
            time.sleep(2 * TIMEOUT)
        if fault not in ("cut", "stall"):
            self.wfile.write(content[len(content) // 2 :])

    def answer_too_long(self, content: bytes, fault: str) -> None:
        """The file and a byte more, or more and more of it without saying how much there will be."""
        self.send_response(200)
        if fault == "more":
            self.send_header("Content-Length", str(len(content) + 1))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.write(b"x")
        while fault == "endless" and self.server.sent < PATIENCE:
            self.server.sent += self.wfile.write(content)

    def log_message(self, *_: Any) -> None:  # noqa: D102
        pass


@contextmanager
def serving(files: dict[str, bytes], faults: list[Any]) -> Iterator[Any]:
    """A local server; its `requests` are what it was asked for."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.faults, server.requests, server.sent = files, faults, [], 0
    server.daemon_threads = True
    server.url = f"http://127.0.0.1:{server.server_port}"
    with answering(server):
        yield server


def published(content: bytes) -> Gzipped:
    return Gzipped(hashlib.md5(content).hexdigest(), len(content))


def download(url: str, folder: Path) -> str:
    """Fetch two files that `serving` may have."""
    return mnist_files._download(url, {"file": published(CONTENT), "small": published(b"small")}, folder)


FILES_THERE = {"/file": CONTENT, "/small": b"small"}


@pytest.mark.parametrize(
    "faults", [[], ["cut"], ["cut", "wrong", "cut"], ["stall"], [503, 503], ["cut", 503, "stall"]], ids=str
)
def test_a_download_arrives_whole(faults: list[Any], tmp_path: Path) -> None:
    requests = 2 + len(faults)
    with serving(FILES_THERE, list(faults)) as server:
        assert download(server.url, tmp_path / "a") == ""
        assert len(server.requests) == requests
        assert download(server.url, tmp_path / "a") == ""  # they are there already
        assert len(server.requests) == requests
    assert (tmp_path / "a/file").read_bytes() == CONTENT
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["file", "small"]


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([404] * 9, "the server answered 404"),
        ([503] * 9, "the server answered 503"),
        (["stall"] * 9, "no connection, or one that was cut off"),
        (["silent"] * 9, "no answer in time"),
        (["cut"] * 9, "no connection, or one that was cut off"),
        (["wrong"] * 9, "not the published file"),
        (["more"] * 9, "not the published file"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, list) else "",
)
def test_a_download_that_fails_says_why(faults: list[Any], reason: str, tmp_path: Path) -> None:
    with serving(FILES_THERE, faults) as server:
        assert download(server.url, tmp_path / "a") == f"{server.url}/file: {reason}"
        assert len(server.requests) == 4
    assert list((tmp_path / "a").iterdir()) == []


def test_a_server_that_sends_without_end_is_cut_off(tmp_path: Path) -> None:
    with serving(FILES_THERE, ["endless"] * 9) as server:
        assert download(server.url, tmp_path / "a") == f"{server.url}/file: not the published file"
        assert server.sent < PATIENCE / 4  # what the network holds
    assert list((tmp_path / "a").iterdir()) == []


def test_no_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert download(f"http://127.0.0.1:{port}", tmp_path).endswith("/file: no connection, or one that was cut off")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving(FILES_THERE, []) as server, pytest.raises(UserError, match=r"file/file: cannot be written \("):
        download(server.url, tmp_path / "file")


def served(arrays: dict[str, Any], prefix: str) -> dict[str, bytes]:
    return {f"{prefix}/{name}.gz": gzip.compress(idx_bytes(arrays[key]), mtime=0) for key, (name, _) in FILES.items()}


def test_a_dataset_is_downloaded_from_the_second_server_if_the_first_fails(
    toy: Published, arrays: dict[str, Any]
) -> None:
    with serving(served(arrays, "/good"), []) as server:
        there = replace(toy, urls=(f"{server.url}/bad", f"{server.url}/good"))
        dataset = there.load()
        assert dataset.found == f"{server.url}/good"
        assert (dataset.images[:30, ..., 0] == arrays["x_train"]).all()
        count = len(server.requests)
        assert there.load().found == "downloads/toy"
        assert len(server.requests) == count


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"another file")], ids=["no gzip", "another"])
def test_what_is_not_the_published_file_is_refused(toy: Published, arrays: dict[str, Any], content: bytes) -> None:
    files = served(arrays, "") | {"/train-images-idx3-ubyte.gz": content}
    with serving(files, []) as server, pytest.raises(UserError) as raised:
        replace(toy, urls=(server.url,)).load()
    assert f"({server.url}/train-images-idx3-ubyte.gz: not the published file)" in str(raised.value)
    assert list((DOWNLOADS / "toy").iterdir()) == []


def test_what_is_not_the_published_file_is_never_decompressed(
    toy: Published, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = served(arrays, "")
    wrong = files | {"/t10k-labels-idx1-ubyte.gz": gzip.compress(bytes(10**6))}
    monkeypatch.setattr(gzip, "open", lambda *_: pytest.fail("decompressed"))
    with serving(wrong, []) as server, pytest.raises(UserError, match=r"t10k-labels\S+: not the published file"):
        replace(toy, urls=(server.url,)).load()
    assert not (DOWNLOADS / "toy/t10k-labels-idx1-ubyte.gz").exists()
    with serving(files, []) as server, pytest.raises(pytest.fail.Exception, match="decompressed"):
        replace(toy, urls=(server.url,)).load()  # the published ones are


def test_idx_round_trip(tmp_path: Path, arrays: dict[str, Any]) -> None:
    put_gzip(tmp_path, arrays)
    assert (read_idx(tmp_path / "train-images-idx3-ubyte.gz", 3) == arrays["x_train"]).all()


DEBIAN = Path("/usr/share/datasets/fashion-mnist")
REAL_MIRROR = Path(os.environ.get(MIRROR) or "/nonexistent")


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN.exists(), reason="the package dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist_from_debian_and_over_the_web(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared("fashion_guide") == (
        f"prepare fashion_mnist from {DEBIAN}: images of 28x28x1: train 54000, validation 6000, test 10000"
    )
    card = paths.CARD.read_bytes()
    files = {f"/{path.name}": path.read_bytes() for path in DEBIAN.glob("*.gz")}
    theirs = {key: published(files[f"/{name}.gz"]) for key, (name, _) in FILES.items()}  # Debian compresses anew
    with serving(files, ["cut", None, 503]) as server:
        there = replace(FASHION_MNIST, packages=(), urls=(server.url,), files=theirs)
        monkeypatch.setattr("latentlab.datasets.fashion_mnist.FASHION_MNIST", there)
        assert prepared("fashion_guide").startswith(f"prepare fashion_mnist from {server.url}: ")
    assert paths.CARD.read_bytes() == card


@pytest.mark.slow
@pytest.mark.skipif(not REAL_MIRROR.is_dir(), reason=f"{MIRROR} names no folder")
def test_the_real_mnist_from_the_mirror(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, str(REAL_MIRROR))
    done = prepared("keras_blog")
    assert done.startswith(f"prepare mnist from {REAL_MIRROR}")
    assert done.endswith("images of 28x28x1: train 54000, validation 6000, test 10000")
    assert sorted(read_npz(paths.prepared("test"))["index"]) == list(range(60_000, 70_000))


def prepared(name: str) -> str:
    """What the stage says of a study."""
    shutil.copy(ROOT / f"studies/{name}/params.yaml", "params.yaml")
    return prepare_study()
