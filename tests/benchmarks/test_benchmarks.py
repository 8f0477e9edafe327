"""The benchmarks count, calculate and write what they say."""

import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import data, limit, stages, study, tables, tsne
from benchmarks.page import write_section
from latentlab.config import paths
from latentlab.storage.json import write_json
from latentlab.storage.npz import write_npz
from tests.conftest import ROOT

COUNT = """
import json
from benchmarks import flops
from benchmarks.variants import variant
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.networks.autoencoder import Autoencoder
from latentlab.stages.train import build
start_tensorflow(42, 1)
import keras
from keras import layers
images, code = keras.Input((8, 8, 3)), keras.Input((4, 4, 6))
nets = {
    "simple": build(variant("simple"), (28, 28, 1)),
    "lstm": build(variant("lstm"), (28, 28, 1)),
    "conv": Autoencoder(
        keras.Model(images, layers.Conv2D(6, 5, strides=2, padding="same")(images)),
        keras.Model(code, layers.Conv2DTranspose(3, 3, strides=2, padding="same")(code)),
    ),
}
print(json.dumps({name: flops.training(net) for name, net in nets.items()}))
"""


@pytest.fixture
def raw() -> dict[str, Any]:
    """Measurements with round numbers."""

    def record(seconds: list[float], images: int = 60_000) -> dict[str, Any]:
        return {"images": images, "seconds": seconds, "peak_mib": 1234.4}

    versions = {"Python": "3.11"}
    return {
        "machine": {"cpu": "a CPU", "cores": 4, "threads": 2, "versions": versions},
        "variants": {
            "simple": {"keras_fit": record([9.0, 3.0, 2.0]), "engine": record([0.5, 0.5, 0.7])},
            "vae": {"engine": record([0.4, 0.4, 0.4], images=6000)},
        },
    }


def rows(text: str) -> list[list[str]]:
    """Cells of all rows of all tables."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


@pytest.mark.slow
def test_operations_are_those_counted_by_hand() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, check=True, capture_output=True, text=True)
    counts = json.loads(done.stdout)
    # 784-32-784: both layers forward, both by their weights, only the second one by its input
    dense = 2 * 784 * 32
    assert counts["simple"] == 2 * dense + 2 * dense + dense
    # 5x5 kernels at 4x4 outputs, then 3x3 kernels at 4x4 inputs
    first, second = 2 * 4 * 4 * 5 * 5 * 3 * 6, 2 * 4 * 4 * 3 * 3 * 6 * 3
    assert counts["conv"] == 2 * first + 3 * second
    # 28 steps: 28 -> 4*32 gates, 32 -> 4*32 gates; then 32 -> 4*28 gates, 28 -> 4*28 gates
    images, others = 2 * 28 * 28 * 128, 2 * 28 * (32 * 128 + 32 * 112 + 28 * 112)
    assert counts["lstm"] == 2 * images + 3 * others


def test_tables_have_medians_scaled_to_60000_images_and_their_ratios(raw: dict[str, Any]) -> None:
    text = tables.training(raw)
    assert "a CPU, 4 cores, 2 threads; Python 3.11." in text
    assert "scaled: vae with 6,000." in text
    cells = rows(text)
    assert cells[0] == ["variant", "Keras fit", "engine"]
    assert cells[2:4] == [["simple", "3.00", "0.50"], ["vae", "", "4.00"]]
    assert cells[6:8] == [["simple", "6.00", "1.00"], ["vae", "", "1.00"]]
    assert cells[10:12] == [["simple", "1,234", "1,234"], ["vae", "", "1,234"]]


def test_a_study_takes_the_seconds_of_its_epochs() -> None:
    def record(fit: list[float], engine: list[float], images: int = study.IMAGES) -> dict[str, Any]:
        ways = {"keras_fit": fit, "engine": engine}
        return {way: {"images": images, "seconds": seconds} for way, seconds in ways.items()}

    machine = {"cpu": "a CPU", "cores": 2, "threads": 2, "versions": {"Python": "3.11"}}
    records = {"simple": record([3.0, 2.0, 9.0], [1.5, 1.0, 1.0]), "vae_deconv": record([1.0] * 3, [1.0] * 3)}
    text = study.section(
        "keras_blog", {"machine": machine, "variants": records | {"conv": record([6.0], [3.0], 27_000)}}
    )
    assert "Medians of 1 or 3 epochs of 54,000 images" in text
    assert "Scaled from fewer images: conv 27,000." in text
    simple, deconv, conv, total = rows(text)[2:]
    assert simple == ["simple", "50", "3.00", "0.50", "2.5", "0.4", "6.00"]
    assert deconv == ["vae_deconv", "5", "1.00", "0.50", "0.1", "0.0", "2.00"]
    assert conv == ["conv", "50", "12.00", "3.00", "10.0", "2.5", "4.00"]
    assert total == ["all but vae_deconv", "", "", "", "12.5", "2.9", "4.29"]


@pytest.mark.slow
def test_a_study_is_measured_from_end_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.study", "--variants=simple", "--images-of=simple=256", "--rounds=1"]
    numbers, page = tmp_path / "raw.json", tmp_path / "page.md"
    subprocess.run([*command, f"--raw={numbers}", f"--output={page}"], cwd=ROOT, check=True, capture_output=True)
    assert [line[0] for line in rows(page.read_text())] == ["variant", "---", "simple", "all"]
    assert all(seconds > 0 for way in json.loads(numbers.read_text())["keras_blog"]["variants"]["simple"].values()
               for seconds in way["seconds"])  # fmt: skip


def test_seconds_of_stages_are_kept_by_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MEASURED", tmp_path / "measured/stages.json")
    for name, seconds in (("b", 1.0), ("a", 2.0), ("b", 3.0)):
        monkeypatch.setattr(stages, "folder_of", lambda study: tmp_path / study)
        write_json(tmp_path / name / paths.SECONDS, {"train@v": seconds, "prepare": 1.5, "train@gone": 9.0})
        for stage in ("train@v", "prepare"):
            write_json(tmp_path / name / paths.plan(stage), {})
        stages.main([name])
    kept = json.loads((tmp_path / "measured/stages.json").read_text())
    assert list(kept) == ["a", "b"]
    assert kept["b"]["seconds"] == {"prepare": 1.5, "train@v": 3.0}
    assert kept["a"]["machine"]["cores"] > 0


def test_the_share_of_the_peak(raw: dict[str, Any]) -> None:
    text = limit.section(raw, 100.0, {"simple": 250_000, "vae": 2_000_000})
    assert "100 GFLOP/s with 2 threads" in text
    # 60,000 images of 0.25 MFLOP in 0.5 s, and of 2 MFLOP in 4 s
    assert rows(text)[2:] == [["simple", "0.25", "30.0", "30%"], ["vae", "2.00", "30.0", "30%"]]


def test_a_section_is_replaced_and_the_prose_around_it_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- one -->\nold\n<!-- /one -->\nbetween\n<!-- two -->\nkept\n<!-- /two -->\nafter\n")
    write_section(page, "one", "new")
    assert page.read_text() == (
        "before\n<!-- one -->\nnew\n<!-- /one -->\nbetween\n<!-- two -->\nkept\n<!-- /two -->\nafter\n"
    )


def test_a_page_without_the_section_gets_it(tmp_path: Path) -> None:
    page = tmp_path / "docs/page.md"
    for text in ("first", "second"):
        write_section(page, "one", text)
    assert page.read_text() == "# Benchmarks\n\n<!-- one -->\nsecond\n<!-- /one -->\n"


def test_a_section_without_its_end_stops(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- one -->\nprose\n")
    with pytest.raises(SystemExit, match="without <!-- /one -->"):
        write_section(page, "one", "new")
    assert page.read_text() == "<!-- one -->\nprose\n"


def test_synthetic_images_have_the_statistics_of_mnist() -> None:
    images = data.load(2000, mnist=None)
    assert images.shape == (2000, 28, 28, 1)
    assert images.mean() / 255 == pytest.approx(0.1307, abs=0.01)
    assert images.std() / 255 == pytest.approx(0.3081, abs=0.01)
    assert (images == 0).mean() == pytest.approx(0.81, abs=0.03)


@pytest.mark.slow
def test_training_is_measured_from_end_to_end(tmp_path: Path) -> None:
    ways = ["keras_fit", "engine", *(["pytorch"] if find_spec("torch") else [])]
    page, numbers = tmp_path / "benchmarks.md", tmp_path / "raw.json"
    for variant, its in (("simple", ways), ("vae", ["engine"])):  # the second run adds to the first
        command = [sys.executable, "-m", "benchmarks.training", "--variants", variant, "--ways", *its]
        options = ["--images=256", "--rounds=1", f"--raw={numbers}", f"--output={page}"]
        subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)
    cells = rows(page.read_text())
    assert [row[0] for row in cells] == ["variant", "---", "simple", "vae"] * 3
    for row in cells:
        if row[0] in ("simple", "vae"):
            assert len(row) == 1 + len(ways)
            measured = row[1:] if row[0] == "simple" else [row[1 + ways.index("engine")]]
            assert all(float(cell.replace(",", "")) > 0 for cell in measured)


def peak(images: int) -> float:
    """MiB that a process needs to train `simple` on that many images."""
    command = [sys.executable, "-m", "benchmarks.worker", "simple", "engine", f"--images={images}", "--threads=1"]
    done = subprocess.run(command, cwd=ROOT, input="go\nend\n", check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["peak_mib"])


@pytest.mark.slow
def test_memory_grows_by_one_copy_of_the_images() -> None:
    once, twice = (min(peak(images) for _ in range(2)) for images in (100_000, 200_000))  # 5 MiB vary
    assert once < 1.2e9 / 2**20
    assert twice - once < 1.1 * 100_000 * 28 * 28 / 2**20


def test_tsne_is_measured_and_its_table_says_how_often_bytes_were_the_same(tmp_path: Path) -> None:
    labels = np.arange(60) % 3
    codes = (10 * np.eye(3)[labels] + np.random.default_rng(0).standard_normal((60, 3))).astype(np.float32)
    write_npz(tmp_path / "codes.npz", {"codes": codes, "labels": labels})
    runs = [tsne.measure(tmp_path / "codes.npz", 50, method) for method in tsne.RUNS]
    assert all(run.accuracy > 0.9 and run.seconds > 0 and run.peak > 50 for run in runs)
    timed = [run._replace(seconds=seconds) for run, seconds in zip(runs, (1.0, 4.0, 3.0), strict=True)]
    text = tsne.section([(50, method, run) for method, run in zip(tsne.RUNS, timed, strict=True)])
    assert f"scikit-learn {version('scikit-learn')}, openTSNE {version('opentsne')}." in text
    head, _, opentsne, sklearn = rows(text)
    assert head[0] == "points"
    assert [opentsne[at] for at in (0, 1, 2, 3, 7)] == ["50", "openTSNE", "2.0", "2.00", "the same bytes"]
    assert [sklearn[at] for at in (0, 1, 2, 3, 7)] == ["50", "scikit-learn", "4.0", "1.00", "run once"]
    with pytest.raises(ValueError, match="found 60 points, wanted 61"):
        tsne.measure(tmp_path / "codes.npz", 61, "sklearn")
