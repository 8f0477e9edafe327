"""`latentlab encode` and `latentlab embed`: files of every kind, the same bytes twice, faults in one line."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.inference.images import read_images, scaled_size
from latentlab.stages import classifier, extract, train, tsne
from latentlab.storage.npz import read_npz, write_npz
from latentlab.storage.pickle import read_pickle, write_pickle
from tests.conftest import ROOT, build_without_xla, call, prepare_study

Array = np.ndarray[Any, np.dtype[Any]]
GREY, COLOUR = (4, 5, 1), (4, 5, 3)


def pixels(*shape: int) -> Array:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_image_files_are_read_in_the_colours_of_the_study(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"x.{ending}"
    Image.fromarray(pixels(*COLOUR)).save(file)
    images, names = read_images([file, file], COLOUR, None)
    assert (images == pixels(*COLOUR)).all()
    assert (images.shape, names) == ((2, *COLOUR), [str(file)] * 2)
    assert read_images([file], GREY, None)[0].shape == (1, *GREY)
    assert read_images([file], (8, 10, 3), (8, 10))[0].shape == (1, 8, 10, 3)


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (pixels(2, *GREY), GREY),
        (pixels(2, 4, 5), GREY),
        (pixels(4, 5), GREY),
        (pixels(*GREY), GREY),
        (pixels(*COLOUR), COLOUR),
        (pixels(2, *COLOUR), COLOUR),
        (pixels(2, *COLOUR) / 255, COLOUR),
        (pixels(3, 4, 5, 2).astype(np.int64), (4, 5, 2)),
    ],
)
def test_arrays_are_one_image_or_many(array: Array, shape: tuple[int, int, int], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    write_npz(tmp_path / "alone.npz", {"x": array})
    write_npz(tmp_path / "several.npz", {"images": array, "labels": np.arange(3)})
    expected = (array if array.dtype != np.float64 else np.rint(array * 255)).reshape(-1, *shape)
    for name in ("x.npy", "alone.npz", "several.npz"):
        images, names = read_images([tmp_path / name], shape, None)
        assert images.dtype == np.uint8
        assert (images == expected).all()
        of_many = [f"{tmp_path}/{name}[{row}]" for row in range(len(expected))]
        assert names == (of_many if len(expected) > 1 else [f"{tmp_path}/{name}"])


def broken_files(folder: Path) -> None:
    (folder / "text.png").write_text("no image")
    (folder / "text.npy").write_text("no array")
    Image.new("L", (9, 7)).save(folder / "large.png")
    np.save(folder / "large.npy", pixels(9, 9))
    np.save(folder / "number.npy", np.uint8(3))
    np.save(folder / "none.npy", pixels(0, *GREY))
    np.save(folder / "negative.npy", -np.ones(GREY))
    np.save(folder / "objects.npy", np.array([{}], object))
    write_npz(folder / "two.npz", {"a": pixels(*GREY), "b": pixels(*GREY)})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text.png", "no image that can be read"),
        ("text.npy", r"cannot be read, damaged or truncated \("),
        ("large.png", "found 7x9x1, allowed: images of 4x5x1"),
        ("large.npy", "found 9x9, allowed: images of 4x5x1"),
        ("number.npy", "found one number, allowed: images of 4x5x1"),
        ("none.npy", "found no image"),
        ("negative.npy", r"found values from -1\.0 to -1\.0"),
        ("objects.npy", r"cannot be read, damaged or truncated \(Object arrays cannot be loaded"),
        ("two.npz", "found a, b, needed: images"),
    ],
)
def test_what_is_no_image_of_the_study_is_named(name: str, said: str, tmp_path: Path) -> None:
    broken_files(tmp_path)
    with pytest.raises(UserError, match=rf"{name}: {said}") as raised:
        read_images([tmp_path / name], GREY, None)
    assert "\n" not in str(raised.value)


def test_image_files_have_one_channel_or_three(tmp_path: Path) -> None:
    broken_files(tmp_path)
    with pytest.raises(UserError, match=r"large\.png: found an image file, allowed for images of 2 channels: npz or"):
        read_images([tmp_path / "large.png"], (7, 9, 2), None)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tiny study with `simple` and `vae`: trained, with codes, and maps of two splits by openTSNE."""
    root = tmp_path_factory.mktemp("study")
    head, _, rest = (ROOT / "studies/tiny/params.yaml").read_text().partition("variants:\n")
    kept = [line for line in rest.splitlines() if line.split(":")[0].strip() in ("simple", "vae")]
    head = head.replace("points: 1000", "points: 250, method: opentsne, splits: [test, train]")
    (root / "params.yaml").write_text("\n".join([f"{head}variants:", *kept, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(train, "build", build_without_xla)
        prepare_study()
        classifier.main()
        for variant in ("simple", "vae"):
            for stage in (train, extract, tsne):
                stage.main(variant)
        np.save("test.npy", read_npz(paths.prepared("test"))["images"])
        for row, image in enumerate(read_npz(paths.prepared("test"))["images"][:3, :, :, 0]):
            Image.fromarray(image).save(f"{row}.png")
        yield root


@pytest.fixture(autouse=True)
def in_the_study(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("slow"):
        monkeypatch.chdir(request.getfixturevalue("study"))


@pytest.mark.slow
def test_a_map_of_several_splits_has_them_in_their_order() -> None:
    placed, latents = read_pickle(paths.embedding("vae")), read_pickle(paths.latents("vae"))
    assert placed.keys() == latents.keys() | {"embedding", "kl_divergence"}
    assert (placed["split"] == np.repeat(["test", "train"], [60, 190])).all()
    for split, count in (("test", 60), ("train", 190)):
        for key in ("features", "index", "labels"):
            assert (placed[key][placed["split"] == split] == latents[key][latents["split"] == split][:count]).all()
    assert placed["embedding"].shape == (250, 2)
    assert np.isfinite(placed["embedding"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["simple", "vae"])
def test_codes_of_new_images_are_those_that_the_stage_makes(
    variant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert call(monkeypatch, "encode", variant, "test.npy", "0.png") == 0
    shape = {"simple": "32", "vae": "2"}[variant]
    assert capsys.readouterr().out == f"encode {variant}: 61 codes of shape {shape} in codes.pkl\n"
    codes, latents = read_pickle(Path("codes.pkl")), read_pickle(paths.latents(variant))
    assert codes.keys() == latents.keys() | {"files"}
    expected = latents["features"][latents["split"] == "test"]
    assert codes["features"][:60] == pytest.approx(expected, abs=1e-5)
    assert codes["features"][60] == pytest.approx(expected[0], abs=1e-5)
    assert (codes["labels"], codes["latent_shape"]) == (None, latents["latent_shape"])
    assert set(codes["split"]) == {"new"}
    assert codes["files"] == [*(f"test.npy[{row}]" for row in range(60)), "0.png"]
    assert call(monkeypatch, "encode", variant, "test.npy", "0.png", "--out", "again/codes.pkl") == 0
    assert Path("again/codes.pkl").read_bytes() == Path("codes.pkl").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["simple", "vae"])
def test_images_of_the_map_land_where_they_are(
    variant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = paths.embedding(variant).read_bytes()
    for out in ("one.pkl", "two.pkl"):
        assert call(monkeypatch, "embed", variant, "test.npy", "--out", out) == 0
    assert Path("one.pkl").read_bytes() == Path("two.pkl").read_bytes()
    assert paths.embedding(variant).read_bytes() == before
    placed, known = read_pickle(Path("one.pkl")), read_pickle(paths.embedding(variant))["embedding"]
    assert placed["embedding"].dtype == np.float32
    far = np.linalg.norm(placed["embedding"] - known[:60], axis=1)
    assert np.median(far) < 0.05 * np.ptp(known, axis=0).max()
    capsys.readouterr()
    assert call(monkeypatch, "embed", variant, "0.png", "1.png", "2.png") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [name for _, _, name in rows] == ["0.png", "1.png", "2.png"]
    places = np.array([[float(x), float(y)] for x, y, _ in rows])
    assert places == pytest.approx(placed["embedding"][:3], abs=0.05)


@pytest.mark.slow
def test_a_study_is_taken_by_name_and_files_from_here(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    shutil.copytree(study, tmp_path / "studies/tiny")
    (tmp_path / "new").mkdir()
    shutil.copy(study / "0.png", tmp_path / "new")
    monkeypatch.chdir(tmp_path / "new")
    assert call(monkeypatch, "encode", "simple", "0.png", "--study", "tiny", "--out", "mine.pkl") == 0
    assert read_pickle(Path("mine.pkl"))["files"] == ["../../new/0.png"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["encode", "embed"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none", "0.png"], "params.yaml: variants: found no 'none', allowed: simple, vae"),
        (["simple", "none.png"], "none.png: no such file"),
        (["simple", "data"], "data: no file"),
        (
            ["simple", "large.png"],
            "large.png: found 30x30x1, allowed: images of 28x28x1, as the variant was trained on",
        ),
        (["simple", "params.yaml"], "params.yaml: no image that can be read, whatever its name says"),
        (["simple", "0.png", "--study", "no"], "study: found no 'no', allowed: tiny"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_line(
    command: str, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (30, 30)).save("large.png")
    capsys.readouterr()
    assert call(monkeypatch, command, *arguments) == 1
    assert capsys.readouterr() == ("", f"error: {said}\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "path"),
    [("encode", paths.encoder("simple")), ("embed", paths.encoder("simple")), ("embed", paths.embedding("simple"))],
    ids=str,
)
def test_a_variant_that_is_not_made_yet_is_named(
    command: str, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path.rename("aside")
    try:
        capsys.readouterr()
        assert call(monkeypatch, command, "simple", "0.png") == 1
        assert capsys.readouterr() == ("", f"error: {path}: no such file; `dvc repro` makes it\n")
    finally:
        Path("aside").rename(path)


@pytest.mark.slow
def test_a_map_of_other_codes_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = paths.embedding("simple")
    whole, content = path.read_bytes(), read_pickle(path)
    try:
        write_pickle(path, content | {"features": content["features"][:, :5]})
        assert call(monkeypatch, "embed", "simple", "0.png") == 1
        line = f"error: {path}: found codes of 5 entries where the encoder has 32; `dvc repro` makes it anew\n"
        assert capsys.readouterr().err == line
    finally:
        path.write_bytes(whole)


@pytest.mark.slow
def test_image_files_are_scaled_if_those_of_the_study_were() -> None:
    assert scaled_size() is None
    plan = paths.plan("prepare")
    whole = plan.read_text()
    try:
        plan.write_text(whole.replace('"mnist_5k"', '"images", "path": "data/raw/x", "size": [48, 64]'))
        assert scaled_size() == (48, 64)
    finally:
        plan.write_text(whole)
