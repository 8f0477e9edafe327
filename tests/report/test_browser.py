"""The page of a study in a browser: what a reader points at, clicks, selects and sorts."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from latentlab.config import paths
from latentlab.metrics.overlap import kept, nearest_others
from latentlab.stages import report
from latentlab.storage.memory import Array
from tests.report.made_up import MadeUp, make_up
from tests.report.test_page import HOSTILE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

# where a point of a panel is in the window
POINT = """([side, row]) => {
  const panel = latentlab.explorer.panels[side];
  const [xs, ys] = panel.variant.places[panel.place];
  const { x_range: x, y_range: y } = panel.figure;
  const { left, top } = document.getElementById(`${panel.side}-plot`).getBoundingClientRect();
  const frame = Bokeh.index.find_one(panel.figure).frame.bbox;
  return [
    left + frame.left + ((xs[row] - x.start) / (x.end - x.start)) * frame.width,
    top + frame.top + (1 - (ys[row] - y.start) / (y.end - y.start)) * frame.height,
  ];
}"""
EDGE = 8  # pixels that a drag may go before it counts
PIXELS = """(shown) => {
  const { width, height } = shown;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(shown, 0, 0);
  return [height, width, Array.from(context.getImageData(0, 0, width, height).data)];
}"""
SELECTED = "(side) => latentlab.explorer.panels[side].figure.renderers[0].data_source.selected.indices"
UNNAMED = """[...document.querySelectorAll("img, button, select, input")].filter((each) =>
  !(each.alt || each.innerText || each.labels?.length || each.ariaLabel || each.closest("details"))).length"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeUp:
    return write(tmp_path_factory.mktemp("study"))


def write(folder: Path, **options: Any) -> MadeUp:
    """A made-up study and its page, in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found = make_up(folder, **options)
        report.main()
    return found


@pytest.fixture(scope="module")
def address(made: MadeUp, tmp_path_factory: pytest.TempPathFactory) -> str:
    (folder,) = [path for path in tmp_path_factory.getbasetemp().glob("study*") if (path / paths.REPORT).exists()][:1]
    return (folder / paths.REPORT).as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from opened(browser, address)


def opened(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """The page once it is ready. It may say nothing on the console, and ask for nothing beyond itself."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, **options)
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: faults.append(asked.url) if asked.url != address else None)
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.goto(address)
    page.wait_for_selector("body[data-ready=true]")
    yield page
    page.close()
    assert [fault for fault in faults if not fault.startswith(("data:", "blob:"))] == []


def point(page: Page, side: int, row: int) -> tuple[float, float]:
    page.locator(".explorer").scroll_into_view_if_needed()
    x, y = page.evaluate(POINT, [side, row])
    return x, y


def pixels(page: Page, selector: str) -> Array:
    """What a canvas shows, (H, W, 4)."""
    height, width, values = page.locator(selector).first.evaluate(PIXELS)
    return np.array(values, np.uint8).reshape(height, width, 4)


def alone(made: MadeUp, name: str) -> int:
    """The row of a point that has no other near it in a map, so that pointing at it is clear."""
    places = made.maps[name] / np.ptp(made.maps[name], axis=0)
    distances = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(len(places))
    return int(distances.min(axis=0).argmax())


def test_pointing_shows_the_image_and_what_became_of_it(page: Page, made: MadeUp) -> None:
    page.select_option("#right", label="denoise, t-SNE")
    row = alone(made, "simple")
    page.mouse.move(*point(page, 0, row))
    page.wait_for_function("latentlab.explorer.hovered !== null")
    assert page.evaluate("latentlab.explorer.hovered") == row
    assert f"row {made.rows[row]}, class {made.labels[row]}" in page.inner_text("#looked")  # type: ignore[index]
    assert (pixels(page, "#looked canvas")[..., :1] == made.images[row]).all()
    assert page.locator("#looked figcaption").all_inner_texts()[2] == "denoise: input"
    for place, name in ((1, "simple"), (3, "denoise")):
        shown = pixels(page, f"#looked figure:nth-of-type({place + 1}) canvas")[..., :1] / 255
        assert np.abs(shown - made.reconstructions[name][row]).mean() < 0.02
    page.mouse.move(5, 5)
    page.wait_for_function("latentlab.explorer.hovered === null")


def test_a_click_pins_an_image_with_the_nearest_codes(page: Page, made: MadeUp) -> None:
    row = alone(made, "simple")
    page.mouse.click(*point(page, 0, row))
    page.wait_for_function("latentlab.explorer.pinned !== null")
    assert page.evaluate("latentlab.explorer.pinned") == row
    titles = [button.get_attribute("title") for button in page.locator("#neighbours button").all()]
    expected = [nearest_others(made.codes[name], 10)[row] for name in ("simple", "denoise")]
    assert [int(str(title).split()[1].rstrip(",")) for title in titles] == made.rows[np.concatenate(expected)].tolist()
    for side, name in enumerate(
        ("simple", "denoise")
    ):  # rings in both panels: of both codes, where that panel has them
        marks = page.evaluate(f"latentlab.explorer.panels[{side}].marks.data")
        around = np.stack([marks["x"], marks["y"]], axis=1)[1:21]
        assert around == pytest.approx(made.maps[name][np.concatenate(expected)], abs=1e-3)
    page.locator("#neighbours button").first.click()
    assert page.evaluate("latentlab.explorer.pinned") == expected[0][0]
    page.click("#clear")
    assert page.locator("#neighbours button").count() == 0


def test_a_lasso_selects_the_same_images_in_both_panels(page: Page, made: MadeUp) -> None:
    page.locator(".explorer").scroll_into_view_if_needed()
    box = page.locator("#left-plot").bounding_box()
    assert box
    left, top = box["x"] + 0.3 * box["width"], box["y"] + 0.35 * box["height"]
    right, bottom = left + 0.35 * box["width"], top + 0.4 * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom), (left, top + 2)):
        page.mouse.move(*corner, steps=5)
    page.mouse.up()
    page.wait_for_function("latentlab.explorer.source.selected.indices.length > 0")
    left_rows, right_rows = (page.evaluate(SELECTED, side) for side in (0, 1))
    x, y = np.array([page.evaluate(POINT, [0, row]) for row in range(len(made.images))]).T
    depth = np.minimum.reduce([x - left, right - x, y - top, bottom - y])  # pixels inside of the border
    assert set(np.flatnonzero(depth > EDGE)) <= set(left_rows) <= set(np.flatnonzero(depth > -EDGE))
    assert len(left_rows) > 5
    assert left_rows == right_rows
    said = page.inner_text("#selected")
    assert said.startswith(f"{len(left_rows)} selected (")
    counts = np.bincount(made.labels[left_rows], minlength=10)  # type: ignore[index]
    assert all(f"{digit}: {count}" in said for digit, count in enumerate(counts) if count)


def test_two_variants_agree_as_numpy_has_it(page: Page, made: MadeUp) -> None:
    page.select_option("#right", label="vae, code")
    near = [nearest_others(made.codes[name], 10) for name in ("simple", "vae")]
    share = kept(*near)
    assert f"simple and vae: {100 * share.mean():.0f} % of 10 neighbours shared" in page.inner_text("#agreement")
    page.select_option("#colour", label="share of neighbours kept")
    colours = np.array(page.evaluate("latentlab.explorer.source.data.colour"))
    clipped = np.minimum(share, np.sort(share)[int(0.99 * (len(share) - 1))])  # the scale ends where 1 % exceed it
    assert [len(set(colours[clipped == value])) for value in np.unique(clipped)] == [1] * len(np.unique(clipped))
    assert len(set(colours)) == len(np.unique(clipped))
    for name in ("class", "reconstruction error, simple", "negative ELBO, vae", "none"):
        page.select_option("#colour", label=name)
        assert len(page.evaluate("latentlab.explorer.source.data.colour")) == len(made.images)
    assert page.evaluate("latentlab.explorer.panels[1].figure.below[0].visible")  # codes have coordinates
    assert not page.evaluate("latentlab.explorer.panels[0].figure.below[0].visible")


def test_finding_a_row_or_a_class(page: Page, made: MadeUp) -> None:
    assert made.labels is not None
    page.fill("#search", "7" if 7 not in made.rows else str(made.rows[0]))
    page.press("#search", "Enter")
    found = page.evaluate("latentlab.explorer.source.selected.indices")
    assert sorted(found) == (np.flatnonzero(made.labels == 7).tolist() if 7 not in made.rows else [])
    page.fill("#search", str(made.rows[5]))
    page.press("#search", "Enter")
    assert page.evaluate("latentlab.explorer.pinned") == 5
    page.click("#next")
    page.keyboard.press("Enter")  # the button is in focus
    assert page.evaluate("latentlab.explorer.pinned") == 7
    page.fill("#search", "nothing like it")
    page.press("#search", "Enter")
    assert 'no row or class "nothing like it"' in page.inner_text("#selected")


def test_the_plane_shows_what_the_decoder_gave(page: Page, made: MadeUp) -> None:
    plot = page.locator("#decode-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    for across, down in ((0.3, 0.3), (0.7, 0.4), (0.5, 0.8)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        page.wait_for_timeout(100)
        column, row = page.evaluate("[latentlab.plane.column, latentlab.plane.row]")
        expected = made.grid[len(made.axes[1]) - 1 - row, column].astype(int)
        assert np.abs(pixels(page, "#decoded")[..., :1] - expected).mean() < 10
        code = f"({made.axes[0][column]:.2f}, {made.axes[1][row]:.2f})"
        assert page.inner_text("#decoded-code") == f"decoded from {code}"
    plot.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("[latentlab.plane.column, latentlab.plane.row]") == [column + 1, row + 1]


def test_a_heading_sorts_its_table(page: Page) -> None:
    table = page.locator("table.sortable").first
    heads = table.locator("thead th").all_inner_texts()
    column = next(number for number, head in enumerate(heads) if head.startswith("test BCE"))

    def values() -> list[float]:
        return [float(text) for text in table.locator(f"tbody tr td:nth-child({column + 1})").all_inner_texts() if text]

    table.locator("thead button").nth(column).click()
    assert values() == sorted(values())
    assert table.locator("thead th").nth(column).get_attribute("aria-sort") == "ascending"
    table.locator("thead button").nth(column).click()
    assert values() == sorted(values(), reverse=True)


def test_lines_can_be_hidden_and_the_scheme_changed(page: Page) -> None:
    page.locator("#losses-shown input").first.uncheck()
    shown = page.evaluate("Bokeh.documents[0].roots()[0].renderers.map(({ visible }) => visible)")
    assert shown.count(False) == 3  # training as a line with marks, validation as a line
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground), page.evaluate("latentlab.explorer.panels[0].figure.background_fill_color")
    page.click("#scheme")
    after = page.evaluate(ground), page.evaluate("latentlab.explorer.panels[0].figure.background_fill_color")
    assert before == ("rgb(255, 255, 255)",) * 2
    assert after[0] == after[1] == "rgb(21, 23, 26)"


def test_a_screen_reader_finds_tables_and_headings(page: Page) -> None:
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("heading", level=2).count() >= 7
    assert page.get_by_role("table").count() >= 2
    assert page.get_by_role("columnheader", name="test BCE").count() == 1
    assert page.evaluate(UNNAMED) == 0


@pytest.mark.parametrize("width", [400, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(browser: Browser, address: str, width: int, scheme: Any) -> None:
    for page in opened(browser, address, color_scheme=scheme):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        tops = [page.locator(f"#{side}-plot").bounding_box() for side in ("left", "right")]
        heights = [top["y"] for top in tops if top]
        assert (heights[0] == heights[1]) == (width > 900)  # a narrow window stacks the panels


def test_colour_images_without_labels(browser: Browser, tmp_path: Path) -> None:
    made = write(tmp_path, count=60, shape=(48, 64, 3), classes=())
    for page in opened(browser, (tmp_path / paths.REPORT).as_uri()):
        row = alone(made, "simple")
        page.mouse.move(*point(page, 0, row))
        page.wait_for_function("latentlab.explorer.hovered !== null")
        assert (pixels(page, "#looked canvas")[..., :3] == made.images[row]).all()
        assert page.inner_text("#looked p") == f"row {made.rows[row]}"
        assert "class" not in page.locator("#colour option").all_inner_texts()


def test_names_of_classes_run_nothing_and_break_nothing(browser: Browser, tmp_path: Path) -> None:
    write(tmp_path, count=30, classes=(HOSTILE, "</script><script>document.title='run'</script>", "x" * 200))
    for page in opened(browser, (tmp_path / paths.REPORT).as_uri()):
        assert page.title() == "tiny · latentlab"
        assert page.locator("#legend").inner_text().count(HOSTILE) == 1
        for width in (400, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.fill("#search", "x" * 200)
            page.press("#search", "Enter")
            page.click("#next")
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
