"""Data that cannot be used: one line names file and cause, and what was there before stays as it was."""

import gzip
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentlab.config import paths, plugins
from latentlab.sources.dataset import Dataset
from latentlab.stages import _command, plan, prepare
from latentlab.storage.npz import write_npz
from tests.conftest import ROOT, prepare_study
from tests.sources.test_mnist_files import idx_bytes

RAW = Path("data/raw")
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 6, 7), np.uint8)
LABELS = np.arange(60) % 3

Settings = dict[str, Any]


def npz(**arrays: Any) -> Settings:
    """A file with these arrays, and what prepare is to do with it."""
    np.savez(RAW / "own.npz", **arrays)
    return {"dataset": "npz", "path": "data/raw/own.npz", "validation": 0.1, "test": 0.2}


def idx(name: str, content: bytes, labels: bytes | None = None) -> Settings:
    """A folder with one IDX file of images, and maybe one of labels."""
    folder = RAW / "idx"
    folder.mkdir()
    (folder / name).write_bytes(content)
    if labels is not None:
        (folder / "train-labels").write_bytes(labels)
    return {"dataset": "idx", "path": "data/raw/idx", "validation": 0.1, "test": 0.2}


def pictures(count: int = 60, classes: tuple[str, ...] = ("a", "b", "c"), **options: Any) -> Settings:
    """A folder of PNG files."""
    folder = RAW / "pictures"
    for row in range(count):
        file = folder / classes[row % len(classes)] / f"{row:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[row]).save(file)
    folder.mkdir(exist_ok=True)
    return {"dataset": "images", "path": "data/raw/pictures", "validation": 0.1, "test": 0.2, **options}


def changed(**changes: Any) -> Settings:
    """Good arrays with other settings."""
    return npz(images=IMAGES, labels=LABELS) | changes


def truncated_gzip() -> Settings:
    return idx("train-images.gz", gzip.compress(idx_bytes(IMAGES))[:-100])


def wrong_magic() -> Settings:
    return idx("train-images", b"\0\0\x0d\x03" + idx_bytes(IMAGES)[4:])


def not_idx() -> Settings:
    return idx("train-images", b"")


def short_header() -> Settings:
    return idx("train-images", idx_bytes(IMAGES)[:9])


def promises_more() -> Settings:
    return idx("train-images", idx_bytes(IMAGES)[:-1])


def holds_more() -> Settings:
    return idx("train-images", idx_bytes(IMAGES) + b"x")


def idx_lengths() -> Settings:
    return idx("train-images", idx_bytes(IMAGES), idx_bytes(LABELS[:-1]))


def no_idx_images() -> Settings:
    return idx("notes.txt", b"")


def two_idx_files() -> Settings:
    idx("train-images", idx_bytes(IMAGES))
    (RAW / "idx/train-images.gz").write_bytes(gzip.compress(idx_bytes(IMAGES)))
    return {"dataset": "idx", "path": "data/raw/idx", "validation": 0.1, "test": 0.2}


def wrong_hash() -> Settings:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}
    write_npz(paths.DOWNLOADS / "mnist.npz", arrays)
    return {"dataset": "mnist", "validation": 0.1}


def empty_folder() -> Settings:
    return pictures(0)


def broken_image() -> Settings:
    settings = pictures()
    file = RAW / "pictures/b/004.png"
    file.write_bytes(file.read_bytes()[:60])
    return settings


def mixed_sizes() -> Settings:
    settings = pictures()
    Image.fromarray(IMAGES[0][:5]).save(RAW / "pictures/c/099.png")
    return settings


def text_as_png() -> Settings:
    settings = pictures()
    (RAW / "pictures/a/note.png").write_text("no image")
    return settings


def bomb() -> Settings:
    settings = pictures()
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(2501 * 20_000)), b"IEND"]
    framed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    (RAW / "pictures/a/bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    return settings


def floating_point_tiff() -> Settings:
    settings = pictures()
    Image.fromarray(IMAGES[0].astype(np.float32)).save(RAW / "pictures/a/float.tif")
    return settings


def beside_folders() -> Settings:
    settings = pictures()
    Image.fromarray(IMAGES[0]).save(RAW / "pictures/loose.png")
    return settings


def link_to_itself() -> Settings:
    settings = pictures()
    (RAW / "pictures/a/self.png").symlink_to("self.png")
    return settings


def link_to_a_folder() -> Settings:
    settings = pictures()
    Path("elsewhere").mkdir()
    (RAW / "pictures/d").symlink_to("../../../elsewhere")
    return settings


def path_is_a_link() -> Settings:
    settings = pictures()
    (RAW / "pictures").rename("elsewhere")
    (RAW / "pictures").symlink_to("../../elsewhere")
    return settings


def path_through_a_link() -> Settings:
    (RAW / "here").symlink_to("../../elsewhere")
    Path("elsewhere").mkdir()
    settings = changed(path="data/raw/here/own.npz")
    (RAW / "own.npz").rename("elsewhere/own.npz")
    return settings


def file_as_folder() -> Settings:
    return changed(dataset="images")


def single_array() -> Settings:
    settings = changed()
    with (RAW / "own.npz").open("wb") as file:
        np.save(file, IMAGES)
    return settings


def truncated_npz() -> Settings:
    settings = changed()
    file = RAW / "own.npz"
    file.write_bytes(file.read_bytes()[:500])
    return settings


def with_value(value: float) -> Callable[[], Settings]:
    floats = IMAGES / 255
    floats[3, 2, 1] = value
    return lambda: npz(images=floats, labels=LABELS)


CASES: dict[str, tuple[Callable[[], Settings], str]] = {
    "truncated gzip": (truncated_gzip, r"data/raw/idx/train-images\.gz: damaged or truncated gzip file"),
    "wrong magic": (wrong_magic, r"data/raw/idx/train-images: found 00000d03 at its start, allowed: 00000803 \(IDX\)"),
    "empty file": (not_idx, r"data/raw/idx/train-images: found nothing at its start"),
    "cut in its header": (short_header, r"data/raw/idx/train-images: ends within its header"),
    "promises more": (promises_more, r"train-images: its header promises 60x6x7 = 2520 bytes, found 2519"),
    "holds more": (holds_more, r"train-images: its header promises 60x6x7 = 2520 bytes, found more"),
    "idx of different lengths": (idx_lengths, r"data/raw/idx/train-labels: found 59 labels for 60 images"),
    "no idx images": (no_idx_images, r"data/raw/idx: found no file called \*train-images\*"),
    "two idx files": (two_idx_files, r"data/raw/idx: found train-images and train-images\.gz, allowed: one of them"),
    "hash": (wrong_hash, r"downloads/mnist\.npz: x_train is not mnist's: found SHA-256 "),
    "empty folder": (empty_folder, r"data/raw/pictures: found no image, allowed: files that end in \.jpeg, "),
    "unreadable image": (broken_image, r"data/raw/pictures/b/004\.png: cannot be read, damaged or truncated"),
    "mixed sizes": (
        mixed_sizes,
        r"c/099\.png: found 5x7 pixels where 000\.png has 6x7; prepare\.size: \[height, width\]",
    ),
    "text as png": (text_as_png, r"data/raw/pictures/a/note\.png: no image that can be read"),
    "decompression bomb": (bomb, r"a/bomb\.png: more than \d+ pixels, taken for a decompression bomb"),
    "floating-point tiff": (floating_point_tiff, r"a/float\.tif: .*floating-point pixels, allowed: 8 or 16 bits"),
    "file beside folders": (beside_folders, r"data/raw/pictures: found loose\.png beside the folder a, allowed: "),
    "link to itself": (link_to_itself, r"a/self\.png: cannot be read, .*Too many levels of symbolic links"),
    "link to a folder": (
        link_to_a_folder,
        r"data/raw/pictures/d: found a link to a folder, allowed: folders, ",
    ),
    "path is a link": (path_is_a_link, r"data/raw/pictures: found a link to a folder, allowed: "),
    "path through a link": (path_through_a_link, r"data/raw/here: found a link to a folder, allowed: "),
    "file as folder": (file_as_folder, r"prepare\.path: found the file 'data/raw/own\.npz', allowed: a folder"),
    "single array": (single_array, r"data/raw/own\.npz: cannot be read, .*\(a single array, allowed: an npz file"),
    "truncated npz": (
        truncated_npz,
        r"data/raw/own\.npz: cannot be read, damaged or truncated \(File is not a zip file\)$",
    ),
    "pickled objects": (
        lambda: npz(images=np.array([{}] * 60, object), labels=LABELS),
        r"data/raw/own\.npz: cannot be read, .*\(images\.npy holds pickled objects\)$",
    ),
    "missing keys": (lambda: npz(pictures=IMAGES), r"data/raw/own\.npz: found pictures, needed: images, or x_train"),
    "test alone": (lambda: npz(x_test=IMAGES), r"data/raw/own\.npz: found x_test, needed: images, or x_train"),
    "different lengths": (
        lambda: npz(images=IMAGES, labels=LABELS[:-1]),
        r"data/raw/own\.npz: labels: found shape \(59,\), allowed: \(60,\), one label an image",
    ),
    "labels for one part": (
        lambda: npz(x_train=IMAGES, y_train=LABELS, x_test=IMAGES),
        r"data/raw/own\.npz: x_train and x_test: found images of different shapes, or labels for one of them alone",
    ),
    "nan": (with_value(np.nan), r"own\.npz: images: found values from nan to nan, allowed: 0 to 1 for float64"),
    "infinite": (with_value(np.inf), r"own\.npz: images: found values from 0\.0 to inf, allowed: 0 to 1"),
    "negative": (with_value(-0.5), r"own\.npz: images: found values from -0\.5 to 1\.0, allowed: 0 to 1"),
    "out of range": (with_value(7.0), r"own\.npz: images: found values from 0\.0 to 7\.0, allowed: 0 to 1"),
    "integers out of range": (
        lambda: npz(images=IMAGES.astype(int) * 2, labels=LABELS),
        r"own\.npz: images: found values from 0 to 510, allowed: 0 to 255 for int64",
    ),
    "complex numbers": (lambda: npz(images=IMAGES * 1j), r"own\.npz: images: found images of complex128"),
    "wrong rank": (
        lambda: npz(images=IMAGES.reshape(60, -1)),
        r"own\.npz: images: found shape \(60, 42\), allowed: \(N, H, W\) or \(N, H, W, C\)",
    ),
    "zero images": (lambda: npz(images=IMAGES[:0]), r"own\.npz: found 0 images, allowed: 3 or more"),
    "one image": (lambda: npz(images=IMAGES[:1]), r"own\.npz: found 1 images, allowed: 3 or more"),
    "no pixels": (lambda: npz(images=IMAGES[:, :0]), r"own\.npz: found images of 0x7x1, allowed: 3x3x1 or more"),
    "one class": (
        lambda: npz(images=IMAGES, labels=LABELS * 0 + 4),
        r"own\.npz: labels: found the class '4' alone, allowed: two classes or more, or no labels",
    ),
    "a class too small": (
        lambda: npz(images=IMAGES, labels=np.r_[LABELS[:-1], 9]),
        r"own\.npz: labels: found 1 of class '9', allowed: 3 or more, one a split",
    ),
    "fractions": (
        lambda: npz(images=IMAGES, labels=LABELS + 0.5),
        r"own\.npz: labels: found 0\.5 in row 0, allowed: whole numbers or names",
    ),
    "labels that are not numbers": (
        lambda: npz(images=IMAGES, labels=np.full(60, np.nan)),
        r"own\.npz: labels: found nan in row 0, allowed: whole numbers or names",
    ),
    "complex labels": (lambda: npz(images=IMAGES, labels=LABELS * 1j), r"own\.npz: labels: found complex128"),
    "a path that is not there": (
        lambda: changed(path="data/raw/missing.npz"),
        r"params\.yaml: prepare\.path: found 'data/raw/missing\.npz': No such file or directory",
    ),
    "a path outside the project": (
        lambda: changed(path="/nowhere/own.npz"),
        r"params\.yaml: prepare\.path: found '/nowhere/own\.npz', allowed: a path below data/raw/",
    ),
    "a path that climbs out": (
        lambda: changed(path="data/raw/../../own.npz"),
        r"params\.yaml: prepare\.path: found 'data/raw/\.\./\.\./own\.npz', allowed: a path below data/raw/",
    ),
    "no path": (
        lambda: {key: value for key, value in changed().items() if key != "path"},
        r"params\.yaml: prepare\.path: missing",
    ),
    "validation 0": (lambda: changed(validation=0.0), r"params\.yaml: prepare\.validation: found 0\.0, allowed: "),
    "validation 1": (lambda: changed(validation=1.0), r"params\.yaml: prepare\.validation: found 1\.0, allowed: "),
    "validation 1.5": (lambda: changed(validation=1.5), r"params\.yaml: prepare\.validation: found 1\.5, allowed: "),
    "no test split": (
        lambda: changed(test=None),
        r"params\.yaml: prepare\.test: missing, and npz comes without a test",
    ),
    "a test split too many": (
        lambda: npz(x_train=IMAGES, x_test=IMAGES),
        r"params\.yaml: prepare\.test: found 0\.2, but npz comes with a test split of 60 images: remove the key",
    ),
    "size of one number": (lambda: pictures(size=[5]), r"params\.yaml: prepare\.size"),
    "unknown colour": (
        lambda: pictures(colour="cmyk"),
        r"params\.yaml: prepare\.colour: found 'cmyk', allowed: 'grey'",
    ),
}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the outputs of an earlier run."""
    root = tmp_path_factory.mktemp("earlier")
    shutil.copy(ROOT / "studies/tiny/params.yaml", root / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare_study()
    return root


@pytest.fixture
def before(project: Path, earlier: Path) -> dict[Path, bytes]:
    """These outputs, in a project of the test's own."""
    for name in ("data", "plots"):
        shutil.copytree(earlier / name, project / name)
    return outputs()


def outputs() -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in ("data/prepared", "plots") for path in Path(folder).rglob("*.*")}


def start() -> None:
    for stage, name in ((plan, "plan"), (prepare, "prepare")):
        _command.run_checked(stage.main, name, [])


def fails(capsys: pytest.CaptureFixture[str], expected: str, before: dict[Path, bytes]) -> None:
    """The pipeline's first two stages end with the expected line and leave everything as it was."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        start()
    assert raised.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert re.match(rf"error: .*{expected}", lines[0]), lines[0]
    assert outputs() == before


@pytest.mark.parametrize("case", CASES)
def test_bad_input(
    case: str, before: dict[Path, bytes], tiny: Any, write_params: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make, expected = CASES[case]
    write_params(tiny | {"prepare": make()})
    fails(capsys, expected, before)


def test_no_permission(
    before: dict[Path, bytes],
    tiny: Any,
    write_params: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = pictures()
    write_params(tiny | {"prepare": settings})
    file = RAW / "pictures/a/000.png"
    if os.geteuid():
        file.chmod(0)
    else:  # to root, all is permitted
        whole = Image.open

        def refused(path: Path) -> Any:
            if path == file:
                raise PermissionError(13, "Permission denied")
            return whole(path)

        monkeypatch.setattr(Image, "open", refused)
    fails(capsys, r"data/raw/pictures/a/000\.png: cannot be read, .*\(Permission denied\)", before)


def test_disk_full(
    before: dict[Path, bytes],
    tiny: Any,
    write_params: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_params(tiny | {"prepare": changed()})

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    fails(capsys, r"data/prepared/train\.npz: cannot be written \(No space left on device\)", before)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ((IMAGES, LABELS), r"datasets/mnist_5k\.py: load returned a tuple, allowed: a Dataset"),
        (None, r"datasets/mnist_5k\.py: load returned a NoneType, allowed: a Dataset"),
        (Dataset(IMAGES / 255, LABELS, "s", "here"), r"here: found images of float64 \(60, 6, 7\), allowed: uint8"),
        (Dataset([1, 2], None, "s", "here"), r"here: found images of list, allowed: uint8 \(N, H, W, C\)"),  # type: ignore[arg-type]
        (Dataset(IMAGES[..., None], LABELS[:5], "s", "here"), r"here: found 60 images and labels of shape \(5,\)"),
    ],
    ids=["tuple", "nothing", "floats", "list", "lengths"],
)
def test_a_dataset_file_with_the_wrong_return_type(
    before: dict[Path, bytes],
    returned: Any,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = plugins.load("datasets", "mnist_5k", "prepare.dataset")
    monkeypatch.setattr(module, "load", lambda: returned)
    fails(capsys, expected, before)
    assert paths.CARD in before
