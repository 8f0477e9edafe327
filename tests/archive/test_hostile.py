"""Archives that somebody else made: what is wrong is refused with a line, and nothing comes out of it."""

import io
import json
import pickle
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentlab.archive.manifest import MANIFEST, Manifest, origin_of
from latentlab.archive.read import unpack
from latentlab.cli import main
from tests.archive.made_up import COMMIT, CONFIG, keras, lock_of, manifest_of, npz, pack, results, study


class Runs:
    """A pickle that runs something when it is read."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return Path.touch, ("run",)  # type: ignore[return-value]


def link(about: zipfile.ZipInfo) -> None:
    if about.filename.endswith(".json") and about.filename != MANIFEST:
        about.external_attr = 0o120777 << 16


def lie(size: int) -> Callable[[Path], None]:
    """Other sizes in the table at the end of a zip file than its parts have."""

    def change(path: Path) -> None:
        content = path.read_bytes()
        start = content.index(
            b"PK\1\2", content.rindex(b"models/simple/encoder.keras", 0, content.rindex(b"PK\5\6")) - 60
        )
        path.write_bytes(content[: start + 24] + size.to_bytes(4, "little") + content[start + 28 :])

    return change


def twice(path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("metrics/simple.json", "{}")


def beside(**files: bytes) -> Callable[[Path], Path]:
    return lambda path: pack(path, study(**files))


def lock(text: str) -> Callable[[Path], Path]:
    return lambda path: pack(path, study() | {"dvc.lock": text.encode()})


def said(**other: object) -> Callable[[Path], Path]:
    return lambda path: pack(path, study(), manifest_of(study(), **other))


def raw(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def after(change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda path: change(pack(path, study()))


def without(name: str) -> Callable[[Path], Path]:
    return lambda path: pack(path, {path: each for path, each in study().items() if path != name}, manifest_of(study()))


def npz_of_zeros() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros(10**7, np.uint8))
    return stream.getvalue()


def models(config: object, **members: str) -> Callable[[Path], Path]:
    return beside(**{"models/simple/encoder.keras": keras(config, **members)})


LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}}
WRONG_SIZE = {path: {"size": 1, "md5": "0" * 32} for path in study()}
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no zip": (raw(b"no zip at all"), "damaged"),
    "empty": (raw(b""), "damaged"),
    "half": (after(lambda path: path.write_bytes(path.read_bytes()[:900])), "damaged"),
    "a flipped byte": (
        after(lambda path: path.write_bytes(path.read_bytes().replace(b'"bce": 0.1', b'"bce": 0.2'))),
        "bad crc",
    ),
    "no manifest": (lambda path: zipfile.ZipFile(path, "w").close(), "no latentlab.json"),
    "another format": (said(format=2), "format 1"),
    "a manifest of nothing": (said(files=[]), "no study"),
    "a study called ..": (said(study=".."), "no study"),
    "a study with a path": (said(study="../../x"), "no study"),
    "sizes that are none": (said(files={"x": {"size": -1, "md5": "0" * 32}}), "size"),
    "hashes that are none": (said(files={"x": {"size": 1, "md5": "../x"}}), "MD5"),
    "other sizes": (said(files=WRONG_SIZE), "bytes, allowed: 1"),
    "deep JSON": (lambda path: pack(path, {}, json.loads("[" * 900 + "]" * 900)), "no manifest"),
    "up and out": (beside(**{"../outside.json": b"{}"}), "own folder"),
    "up and out below": (beside(**{"metrics/../../outside.json": b"{}"}), "own folder"),
    "absolute": (beside(**{"/tmp/outside.json": b"{}"}), "own folder"),
    "of another system": (beside(**{"metrics\\..\\..\\x.json": b"{}"}), "own folder"),
    "a drive": (beside(**{"C:/outside.json": b"{}"}), "own folder"),
    "a colour": (beside(**{"metrics/\x1b[31m.json": b"{}"}), "can be shown"),
    "a hook of git": (beside(**{".git/hooks/post-checkout": b"#!/bin/sh\n"}), "own folder"),
    "DVC's settings": (beside(**{".dvc/config": b"[core]\n"}), "own folder"),
    "git's, further down": (beside(**{"data/.git/config": b"[core]\n"}), "own folder"),
    "source": (beside(**{"src/latentlab/errors.py": b"1/0\n"}), "own folder"),
    "a Makefile": (beside(Makefile=b"all:\n"), "own folder"),
    "two of one name": (after(twice), "one name"),
    "names of one case": (beside(**{"metrics/SIMPLE.json": b"{}"}), "one name"),
    "links": (lambda path: pack(path, study(), entry=link), "a link"),
    "a folder": (beside(**{"data/empty/": b""}), "own folder"),
    "a bomb": (
        lambda path: pack(path, study(**{"metrics/x.json": b"0" * 10**7}), compression=zipfile.ZIP_DEFLATED),
        "times",
    ),
    "a table that lies": (after(lie(10**9)), "times"),
    "another compression": (lambda path: pack(path, study(), compression=zipfile.ZIP_BZIP2), "compress"),
    "a pickle that runs": (beside(**{"data/latents/simple.pkl": pickle.dumps({"x": Runs()})}), "allowed: plain values"),
    "a pickle that is huge": (
        beside(**{"data/latents/simple.pkl": b"cnumpy\nndarray\n((I99999999999999\nttR."}),
        "simple.pkl|damaged",
    ),
    "an array that runs": (beside(**{"data/prepared/test.npz": npz(x=np.array([Runs()], object))}), "pickled objects"),
    "an array that grows": (beside(**{"data/prepared/test.npz": npz_of_zeros()}), "times"),
    "a model that runs": (models(CONFIG | {"config": {"layers": [LAMBDA]}}), "Lambda"),
    "a model of other code": (models({"module": "os", "class_name": "system"}), r"os\.system"),
    "a model with a module": (models(CONFIG, **{"evil.py": "1/0"}), "evil.py"),
    "a lock of other places": (lock(lock_of({"../../.bashrc": b""}).decode()), "results in the study"),
    "a lock without stages": (lock("schema: '2.0'\n"), "no stages"),
    "a lock that is a list": (lock("- 1\n"), "no keys"),
    "a lock of aliases": (
        lock("a: &a [" + "1, " * 999 + "1]\nstages: {" + ", ".join(f"s{i}: {{deps: *a}}" for i in range(999)) + "}\n"),
        "more than",
    ),
    "a lock of other contents": (
        lock(lock_of(results() | {"metrics/simple.json": b"{}"}).decode()),
        "not what dvc.lock says",
    ),
    "a lock of more": (lock(lock_of(results() | {"metrics/x.json": b"{}"}).decode()), "not there"),
    "more than the lock": (lambda path: pack(path, study() | {"metrics/x.json": b"{}"}), "not in dvc.lock"),
    "more than the manifest": (lambda path: pack(path, study(), manifest_of({})), "not in the manifest"),
    "less than the manifest": (without("metrics/simple.json"), "in the manifest alone"),
    "another study's parameters": (said(study="large"), "study: found 'small'"),
    "parameters that are none": (beside(**{"params.yaml": b"study: [\n"}), "params.yaml"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "a/project"
    (root / ".dvc").mkdir(parents=True)
    (root / "params.yaml").write_text("study: own\n")
    monkeypatch.chdir(root)
    return root


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize(("make", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_with_a_line_and_nothing_is_written(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], object],
    reason: str,
) -> None:
    archive = tmp_path / "hostile.zip"
    make(archive)
    before = tree(tmp_path)
    monkeypatch.setattr(sys, "argv", ["latentlab", "import", str(archive)])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 1
    (line,) = [each for each in capsys.readouterr().err.splitlines() if not each.startswith(("\r", "import:"))]
    assert line.startswith(f"error: {archive}: ")
    assert len(line) < 500
    assert line.isprintable()
    assert re.search(reason, line, re.IGNORECASE), line
    assert tree(tmp_path) - {"a/project/.dvc/tmp"} == before


def test_a_whole_one_comes_out_as_it_went_in(tmp_path: Path) -> None:
    files = study()
    (tmp_path / "out").mkdir()
    manifest = unpack(pack(tmp_path / "whole.zip", files), tmp_path / "out")
    assert manifest.study == "small"
    assert {path: (tmp_path / "out" / path).read_bytes() for path in tree(tmp_path / "out") if "." in path} == files


def test_tags_that_are_shown_are_those_of_an_origin() -> None:
    tags = {
        "git.commit": COMMIT,
        "platform.cpu": "CPU",
        "mlflow.note.content": "x",
        "command": "rm -rf /",
        "version.numpy": 2,
    }
    assert origin_of(tags) == {"git.commit": COMMIT, "platform.cpu": "CPU"}
    assert origin_of({"git.commit": "HEAD; rm", "git.dirty": "false", "platform.cpu": "x" * 501}) == {}
    assert Manifest.of_text(json.dumps(manifest_of({}))).origins["simple"]["git.commit"] == COMMIT
