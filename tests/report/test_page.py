"""The page of a study as a file: what is in it, how large it is, that it is the same each time."""

import base64
import io
import json
import re
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import bokeh
import numpy as np
import pytest
from PIL import Image

from latentlab.config import paths
from latentlab.metrics.overlap import nearest_others
from latentlab.report.explorer import allowed
from latentlab.report.page import HERE, LIBRARIES
from latentlab.report.words import WORDS
from latentlab.stages import report
from latentlab.storage.memory import Array
from latentlab.tables.columns import COLUMNS, USES
from tests.report.made_up import make_up

HOSTILE = "<img src=x onerror=\"document.title='run'\">"


def unpacked(letters: str) -> bytes:
    return base64.b85decode(letters.replace(".", "<"))


def numbers(packed: dict[str, Any]) -> Array:
    whole = np.frombuffer(unpacked(packed["letters"]), f"<u{packed['bits'] // 8}")[: packed["count"]]
    return packed["low"] + whole * (packed["high"] - packed["low"]) / 65535 if "low" in packed else whole


def cut_out(sheet: dict[str, Any]) -> Array:
    """The images of a sheet, (n, h, w, C) uint8."""
    picture = np.asarray(Image.open(io.BytesIO(unpacked(sheet["file"]))).convert("RGB"))
    height, width = sheet["height"], sheet["width"]
    images = picture.reshape(-1, height, sheet["columns"], width, 3).transpose(0, 2, 1, 3, 4)
    return images.reshape(-1, height, width, 3)[: sheet["count"]]


def content_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_holds_what_the_files_hold(here: Path) -> None:
    made = make_up(here)
    assert report.main().startswith("report: ")
    content = content_of(paths.REPORT.read_text())
    assert (cut_out(content["images"])[..., :1] == made.images).all()
    assert (numbers(content["labels"]) == made.labels).all()
    assert (numbers(content["index"]) == made.rows).all()
    for variant in content["variants"]:
        name = variant["name"]
        for axis, place in enumerate(variant["places"]["t-SNE"]):
            assert numbers(place) == pytest.approx(made.maps[name][:, axis], abs=1e-4)
        near = numbers(variant["neighbours"]).reshape(len(made.images), 10)
        assert (near == nearest_others(made.codes[name], 10)).all()
        error = cut_out(variant["reconstructions"])[..., :1] / 255 - made.reconstructions[name]
        assert np.abs(error).mean() < 0.02
        assert ("inputs" in variant) == (name == "denoise")
    grid = content["variants"][-1]["grid"]
    assert np.abs(cut_out(grid)[..., :1].astype(int) - made.grid.reshape(-1, 28, 28, 1)).mean() < 5
    assert np.array(content["cka"]).shape == (3, 3)


def test_the_same_inputs_give_the_same_bytes(here: Path) -> None:
    make_up(here)
    report.main()
    before = paths.REPORT.read_bytes()
    paths.REPORT.unlink()
    report.main()
    assert paths.REPORT.read_bytes() == before


def test_it_is_one_file_with_the_library_as_its_package_has_it(here: Path) -> None:
    make_up(here)
    report.main()
    page = paths.REPORT.read_text()
    packed = re.search(r'id="library">(.*?)</script>', page, re.DOTALL)
    assert packed
    folder = files(bokeh) / "server/static/js"
    assert zlib.decompress(unpacked(packed[1])).decode() == "\n".join((folder / name).read_text() for name in LIBRARIES)
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href|action)="(?!data:|#)[^"]*"', outside)
    assert "url(" not in outside
    assert len(page.encode()) < allowed(120, 3)


@pytest.mark.parametrize(("points", "variants", "size"), [(1000, 11, 4e6), (10_000, 9, 14e6), (10**6, 99, 14e6)])
def test_pages_of_many_points_have_a_limit(points: int, variants: int, size: float) -> None:
    assert 0.95 * size < allowed(points, variants) <= size


@pytest.mark.parametrize(("shape", "count"), [((48, 64, 3), 60), ((100, 80, 3), 30), ((9, 9, 2), 12), ((5, 5, 1), 3)])
def test_images_of_every_kind_without_labels(here: Path, shape: tuple[int, int, int], count: int) -> None:
    made = make_up(here, count, shape, classes=())
    report.main()
    content = content_of(paths.REPORT.read_text())
    assert content["labels"] is None
    shown = cut_out(content["images"])
    if shape == (48, 64, 3):
        assert (shown == made.images).all()
    assert shown.shape[0] == count
    assert max(shown.shape[1:3]) <= 64


def test_what_users_name_is_text(here: Path) -> None:
    make_up(here, 30, classes=(HOSTILE, "</script><script>document.title='run'</script>", "x" * 200))
    report.main()
    page = paths.REPORT.read_text()
    assert HOSTILE not in page
    assert "<script>document.title" not in page
    assert "a <b>test</b>" not in page
    assert content_of(page)["classes"][0] == HOSTILE


def test_points_of_other_splits_are_no_points_of_the_explorer(here: Path) -> None:
    from latentlab.storage.pickle import read_pickle, write_pickle

    make_up(here)
    for name in ("simple", "denoise", "vae"):
        embedded = read_pickle(paths.embedding(name))
        write_pickle(paths.embedding(name), embedded | {"split": np.repeat(["test", "train"], 60)})
    report.main()
    assert len(numbers(content_of(paths.REPORT.read_text())["index"])) == 60
    for name in ("simple", "denoise", "vae"):
        write_pickle(paths.embedding(name), read_pickle(paths.embedding(name)) | {"split": np.repeat("train", 120)})
    report.main()
    page = paths.REPORT.read_text()
    assert content_of(page)["variants"] == []
    assert "t-SNE was asked for other images" in page


def test_of_many_points_the_first_are_shown(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentlab.report.explored.MOST", 50)
    made = make_up(here)
    report.main()
    content = content_of(paths.REPORT.read_text())
    assert (numbers(content["index"]) == made.rows[:50]).all()
    assert (cut_out(content["images"])[..., :1] == made.images[:50]).all()
    for variant in content["variants"]:
        near = numbers(variant["neighbours"]).reshape(50, 10)
        assert (near == nearest_others(made.codes[variant["name"]][:50], 10)).all()
        assert {len(numbers(values)) for values in variant["scores"].values()} == {50}


def test_every_number_of_a_table_has_a_word() -> None:
    assert {column.heading for column in (*COLUMNS, *USES)} | {"seeds"} == set(WORDS)


def test_scripts_and_style_are_short() -> None:
    for path in (*HERE.glob("*.js"), *HERE.glob("*.css")):
        assert len(path.read_text().splitlines()) < 360, path.name
        assert "</" not in path.read_text(), path.name  # which would end the element that they stand in
