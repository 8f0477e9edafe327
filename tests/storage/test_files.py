"""Files: the same content gives the same bytes, damage is named, and nothing is half-written."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentlab.errors import UserError
from latentlab.storage.csv import read_csv, write_csv
from latentlab.storage.json import read_json, write_json
from latentlab.storage.npz import read_npz, write_npz
from latentlab.storage.pickle import read_pickle, write_pickle
from latentlab.storage.yaml import read_yaml

ARRAYS = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.array(["x", "yy"])}
FEATURES = {"variant": "v", "features": ARRAYS["a"], "latent_shape": (4,), "kl_divergence": 0.5}
NESTED = {"group": {"value": 0.1234567891, "count": 3}, "name": "x"}
ROWS = [{"epoch": 1, "loss": float(np.float32(0.1))}, {"epoch": 2, "loss": float(np.float32(1) / np.float32(3))}]

KINDS: list[tuple[str, Callable[[Path, Any], None], Callable[[Path], Any], Any]] = [
    ("npz", write_npz, read_npz, ARRAYS),
    ("pkl", write_pickle, read_pickle, FEATURES),
    ("json", write_json, read_json, NESTED),
    ("csv", write_csv, read_csv, ROWS),
]
each_kind = pytest.mark.parametrize(("suffix", "write", "read", "content"), KINDS, ids=[kind[0] for kind in KINDS])


@each_kind
def test_same_content_same_bytes(tmp_path: Path, suffix: str, write: Any, read: Any, content: Any) -> None:
    first, second = tmp_path / f"one/a.{suffix}", tmp_path / f"two/b.{suffix}"
    write(first, content)
    write(second, content)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == [first.name]


@each_kind
def test_missing_file_is_named(tmp_path: Path, suffix: str, write: Any, read: Any, content: Any) -> None:
    with pytest.raises(UserError, match=rf"missing\.{suffix}: no such file"):
        read(tmp_path / f"missing.{suffix}")


@each_kind
@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_truncated_file_is_named(
    tmp_path: Path, suffix: str, write: Any, read: Any, content: Any, share: float
) -> None:
    path = tmp_path / f"cut.{suffix}"
    write(path, content)
    whole = path.read_bytes()
    if suffix == "csv":
        share /= 4  # a whole number of rows, or of none, is a history that nothing in the file can tell from another
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=rf"cut\.{suffix}: cannot be read, damaged or truncated") as raised:
        read(path)
    assert "\n" not in str(raised.value)


@each_kind
def test_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, write: Any, read: Any, content: Any
) -> None:
    path = tmp_path / f"file.{suffix}"
    write(path, content)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=rf"file\.{suffix}: cannot be written \(disk full\)"):
        write(path, content)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_round_trips(tmp_path: Path) -> None:
    write_npz(tmp_path / "f.npz", ARRAYS)
    read = read_npz(tmp_path / "f.npz")
    assert read.keys() == ARRAYS.keys()
    assert all((read[key] == ARRAYS[key]).all() for key in ARRAYS)

    write_pickle(tmp_path / "f.pkl", FEATURES)
    features = read_pickle(tmp_path / "f.pkl")
    assert features["latent_shape"] == (4,)
    assert (features["features"] == FEATURES["features"]).all()

    write_json(tmp_path / "f.json", NESTED)
    assert read_json(tmp_path / "f.json") == {"group": {"value": 0.123457, "count": 3}, "name": "x"}

    write_csv(tmp_path / "f.csv", ROWS)
    history = read_csv(tmp_path / "f.csv")
    assert history["loss"].astype(np.float32).tolist() == [np.float32(row["loss"]) for row in ROWS]


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.zeros((0, 28, 28, 1), np.uint8),
        np.float32(0.5),
        np.random.default_rng(0).integers(0, 255, (3000, 28, 28, 1), dtype=np.uint8),
    ],
    ids=["fortran", "empty", "scalar", "large"],
)
def test_npz_arrays_come_back_aligned(tmp_path: Path, array: Any) -> None:
    write_npz(tmp_path / "f.npz", {"x": array})
    read = read_npz(tmp_path / "f.npz")["x"]
    with np.load(tmp_path / "f.npz") as file:
        expected = file["x"]
    assert (read.shape, read.dtype, read.flags.f_contiguous) == (
        expected.shape,
        expected.dtype,
        expected.flags.f_contiguous,
    )
    assert (read == expected).all()
    assert read.size == 0 or read.ctypes.data % 64 == 0


def test_leftovers_of_a_killed_writing_are_removed(tmp_path: Path) -> None:
    others = [tmp_path / ".vae_conv.json.abcdefgh.json", tmp_path / ".notes.json"]
    for path in [tmp_path / ".vae.json.abcd_123.json", *others]:
        path.touch()
    write_json(tmp_path / "vae.json", NESTED)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "vae.json", *others])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/x\.json: cannot be written \("):
        write_json(tmp_path / "file/x.json", NESTED)


def test_a_pickle_does_not_depend_on_memory_layout(tmp_path: Path) -> None:
    array = np.arange(12).reshape(3, 4)
    write_pickle(tmp_path / "a", {"x": array})
    write_pickle(tmp_path / "b", {"x": np.asfortranarray(array)})
    write_pickle(tmp_path / "c", {"x": np.arange(24).reshape(3, 8)[:, :4] * 0 + array})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_pickled_objects_in_npz_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", x=np.array([{}], dtype=object))
    with pytest.raises(UserError, match=r"evil\.npz: cannot be read"):
        read_npz(tmp_path / "evil.npz")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_json_has_no_nan(tmp_path: Path, bad: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "f.json", {"x": bad})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "read"), [("json", read_json), ("pkl", read_pickle)])
def test_another_type_inside_is_named(tmp_path: Path, suffix: str, read: Any) -> None:
    path = tmp_path / f"list.{suffix}"
    path.write_bytes(b"[1, 2]" if suffix == "json" else b"]\x94.")
    with pytest.raises(UserError, match="holds a list"):
        read(path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "no such file"),
        ("stages: [", "not valid YAML"),
        ("study: 2024-13-45", "not valid YAML"),
        ("text", "found no keys"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, content: str | bytes | None, fault: str) -> None:
    path = tmp_path / "dvc.lock"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=rf"dvc\.lock: {fault}") as raised:
        read_yaml(path, made_by="dvc repro")
    assert "\n" not in str(raised.value)


def test_a_users_own_file_has_no_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"own\.npz: no such file$"):
        read_npz(tmp_path / "own.npz", made_by="")


@pytest.mark.parametrize("array", [np.arange(1000) % 7, np.arange(5.0).astype(">f4")], ids=["whole", "big-endian"])
def test_compressed_arrays_are_read_too(tmp_path: Path, array: Any) -> None:
    np.savez_compressed(tmp_path / "f.npz", x=array)
    read = read_npz(tmp_path / "f.npz")["x"]
    assert read.dtype == array.dtype
    assert (read == array).all()


def test_a_header_that_promises_too_much_asks_for_no_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**60,)})
    with pytest.raises(UserError, match=r"f\.npz: cannot be read, damaged or truncated \(x\.npy is too short\)"):
        read_npz(tmp_path / "f.npz")


@pytest.mark.parametrize(
    "content", [b"cno.such.module\nX\n.", b"cos\nno_such_thing\n.", b"\x80\x04."], ids=["module", "name", "stack"]
)
def test_a_pickle_of_what_is_not_there_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.pkl: cannot be read, damaged or truncated"):
        read_pickle(tmp_path / "x.pkl")


def test_floats_in_lists_are_rounded_too(tmp_path: Path) -> None:
    write_json(tmp_path / "f.json", {"range": [0.12345678, (1.0, 2)]})
    assert read_json(tmp_path / "f.json") == {"range": [0.123457, [1.0, 2]]}


class Hostile:
    """What it says is done when it is unpickled by `pickle.load`."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("where", ["whole", "inside"])
def test_a_hostile_pickle_runs_nothing_and_is_one_line(tmp_path: Path, where: str) -> None:
    content = Hostile(tmp_path / "ran")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content if where == "whole" else {"features": content}))
    with pytest.raises(
        UserError, match=r"x\.pkl: .*\(holds posix\.mkdir, allowed: plain values and numpy arrays\)"
    ) as raised:
        read_pickle(tmp_path / "x.pkl")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_of_all_kinds_are_unpickled(tmp_path: Path, protocol: int) -> None:
    arrays: dict[str, Any] = {
        "floats": np.arange(6.0).reshape(2, 3).T,
        "names": np.array(["a", "bc"]),
        "empty": np.zeros((0, 2), np.uint8),
        "number": np.float32(0.5),
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({**arrays, "none": None, "shape": (1, 2)}, protocol))
    read = read_pickle(tmp_path / "x.pkl")
    assert all((read[name] == array).all() and read[name].dtype == array.dtype for name, array in arrays.items())
    assert (read["none"], read["shape"]) == (None, (1, 2))
