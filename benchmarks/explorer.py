"""How large a page of 10,000 points is and how fast it answers: `python -m benchmarks.explorer --study keras_blog`.

The study has to be there with its data. All its test images become points; places in the map are made up, as t-SNE of
all would take its time and change nothing of what is measured.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks import machine
from benchmarks.page import write_section
from latentlab.config import params, paths
from latentlab.config.replicates import replicates
from latentlab.config.studies import folder_of
from latentlab.stages import plan, report
from latentlab.storage.json import write_json
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle, write_pickle
from latentlab.storage.yaml import read_yaml

PAGE = Path("docs/benchmarks.md")
BASELINES = ("pca", "raw")
HOVERS, TURNS = 30, 100
# the time from a pointer's move to the picture of another image
HOVER = """async (row) => {
  const { explorer } = latentlab;
  const [xs, ys] = explorer.panels[0].variant.places["t-SNE"];
  const start = performance.now();
  explorer.look(explorer.nearest(explorer.panels[0], { x: xs[row], y: ys[row] }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""
# notes when the left panel was drawn
WATCH = """() => {
  window.drawn = [];
  Bokeh.index.find_one(latentlab.explorer.panels[0].figure).repainted.connect(() => drawn.push(performance.now()));
}"""


def main() -> None:
    """Measure, and write the page's section."""
    arguments = _arguments()
    folder = folder_of(arguments.study)
    with tempfile.TemporaryDirectory() as temporary, chdir(temporary):
        variants, points = _copy(folder)
        start = time.perf_counter()
        report.main()
        seconds = time.perf_counter() - start
        size = paths.REPORT.stat().st_size
        measured = _drive(paths.REPORT.absolute().as_uri(), arguments.chromium)
    text = section(arguments.study, points, variants, size, seconds, measured)
    write_section(PAGE, "explorer", text)
    print(text)


def section(study: str, points: int, variants: int, size: int, seconds: float, measured: dict[str, float]) -> str:
    """What was measured, in words."""
    return (
        f"## The page of a study\n\nA page of {points:,} points and {variants} variants of `{study}` has "
        f"{size / 1e6:.1f} MB, and the stage takes {seconds:.0f} s. In headless Chromium, which draws without a "
        f"graphics card, it is ready {measured['ready']:.1f} s after it was opened. An image is shown "
        f"{measured['hover']:.0f} ms after the pointer has come to its place, the median of {HOVERS} "
        f"({measured['slowest']:.0f} ms at most); a zoom runs at {measured['zoom']:.0f} frames a second.\n\n"
        + machine.sentence(machine.describe(os.cpu_count() or 1))
    )


def _copy(folder: Path) -> tuple[int, int]:
    """The study in the current folder, its baselines left out and all test images in its maps; how many there are."""
    content = read_yaml(folder / paths.PARAMS)
    for name in BASELINES:
        content["variants"].pop(name, None)
    write_json(paths.PARAMS, content)  # which is YAML, too
    for name in ("data/prepared", "data/decoded", "data/uses", "metrics", "models"):
        target = Path(name)
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(folder.absolute() / name)
    if (folder / paths.PUBLISHED).exists():
        shutil.copy(folder / paths.PUBLISHED, paths.PUBLISHED)
    plan.main()
    rng = np.random.default_rng(0)
    firsts = list(replicates(params.load().variants))
    count = len(read_npz(paths.prepared("test"))["index"])
    for name in firsts:
        latents: dict[str, Any] = read_pickle(folder / paths.latents(name))
        test = latents["split"] == "test"
        chosen = {key: latents[key][test] for key in ("features", "labels", "split", "index")}
        places = {"embedding": rng.normal(size=(count, 2)).astype(np.float32), "kl_divergence": 0.0}
        write_pickle(paths.embedding(name), chosen | places)
    return len(firsts), count


def _drive(address: str, chromium: str) -> dict[str, float]:
    """Open the page and use it; seconds until it is ready, milliseconds for the rest."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        start = time.perf_counter()
        page.goto(address)
        page.wait_for_selector("body[data-ready=true]")
        ready = time.perf_counter() - start
        page.locator("#explorer").scroll_into_view_if_needed()
        page.wait_for_timeout(2000)
        hovers = [page.evaluate(HOVER, row) for row in range(HOVERS)]
        zoom = _zoom(page)
        browser.close()
    return {"ready": ready, "hover": statistics.median(hovers), "slowest": max(hovers), "zoom": zoom}


def _zoom(page: Page) -> float:
    """Frames a second while the wheel turns over the middle of a panel, back and forth."""
    box = page.locator("#left-plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.evaluate(WATCH)
    for turn in range(TURNS):
        page.mouse.wheel(0, -40 if turn % 20 < 10 else 40)
    drawn: list[float] = page.evaluate("drawn")
    return 1000 * (len(drawn) - 1) / (drawn[-1] - drawn[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--study", default="keras_blog")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser")
    return parser.parse_args()


if __name__ == "__main__":
    main()
