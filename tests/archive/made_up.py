"""Archives of a study that is made up, whole or spoilt."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.archive.manifest import MANIFEST
from tests.conftest import ROOT

PARAMS = (ROOT / "studies/tiny/params.yaml").read_text().replace("study: tiny", "study: small")
CONFIG = {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}
COMMIT = "a" * 40

Files = dict[str, bytes]


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def keras(config: Any = CONFIG, **members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in {"config.json": json.dumps(config), "metadata.json": "{}", **members}.items():
            archive.writestr(name, text)
    return stream.getvalue()


@cache  # zip files have the time in them
def results() -> Files:
    """What stages have written: a file of each kind that is looked into."""
    return {
        "plan/prepare.json": b'{"parameters": {}, "code": {}, "libraries": {}}\n',
        "data/prepared/test.npz": npz(images=np.zeros((2, 3, 3, 1), np.uint8)),
        "data/latents/simple.pkl": pickle.dumps({"features": np.zeros((2, 3), np.float32)}, protocol=4),
        "models/simple/encoder.keras": keras(),
        "metrics/simple.json": b'{"reconstruction": {"bce": 0.1}}\n',
    }


def lock_of(files: Mapping[str, bytes]) -> bytes:
    outs = [{"path": path, "md5": md5(content).hexdigest()} for path, content in files.items()]
    return json.dumps({"schema": "2.0", "stages": {"all": {"cmd": "true", "outs": outs}}}).encode()


def study(**other: bytes | None) -> Files:
    """A whole study; `other` files, by their path, in place of its own or beside them, None for none."""
    own = {path: content for path, content in (results() | other).items() if content is not None}
    made = {"params.yaml": PARAMS.encode(), "dvc.yaml": b"stages: {}\n"}
    return made | own | {"dvc.lock": lock_of({path: own[path] for path in own if path not in made})}


def manifest_of(files: Mapping[str, bytes], /, **other: Any) -> dict[str, Any]:
    stored = {path: {"size": len(content), "md5": md5(content).hexdigest()} for path, content in files.items()}
    origins = {"simple": {"git.commit": COMMIT, "platform.cpu": "another CPU"}}
    return {"format": 1, "study": "small", "files": stored, "origins": origins} | other


def pack(
    path: Path,
    files: Mapping[str, bytes],
    manifest: Any = None,
    entry: Callable[[zipfile.ZipInfo], object] = lambda _: None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """An archive of these files. `entry` may change what stands there about each."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        contents = {MANIFEST: json.dumps(manifest or manifest_of(files)).encode(), **files}
        for name, content in contents.items():
            about = zipfile.ZipInfo(name)
            about.compress_type = compression
            entry(about)
            archive.writestr(about, content)
    return path
