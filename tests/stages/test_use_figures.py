"""Pictures of uses from arrays: they show what was measured, with labels and without, in grey and in colour."""

import math
from typing import Any

import numpy as np
import pytest

from latentlab.config.stages import ForCompare
from latentlab.metrics import anomaly
from latentlab.metrics.noise import at_levels
from latentlab.stages._use_figures import denoising_figure, retrieval_figure, roc_figure
from latentlab.stages.compare import noise_removed
from latentlab.storage.memory import Array
from latentlab.tables.rows import row
from tests.figures.test_figures import points

LEVELS = (0.1, 0.5)
NAMES = {"0": "zero", "1": "one", "2": "two"}
PSNR = {"psnr_noisy_0.1": 20.0, "psnr_0.1": 25.0, "psnr_noisy_0.5": 10.0, "psnr_0.5": 15.0}


def splits(rng: np.random.Generator, shape: tuple[int, ...], labelled: bool) -> dict[str, dict[str, Array]]:
    found = {}
    for name, count in (("train", 30), ("test", 12)):
        found[name] = {"images": rng.integers(0, 256, (count, *shape), np.uint8)}
        if labelled:
            found[name]["labels"] = np.arange(count) % 3
    return found


def latents(of: dict[str, dict[str, Array]], features: Array) -> dict[str, Any]:
    return {"features": features, "split": np.repeat(list(of), [len(each["images"]) for each in of.values()])}


def shown(axes: Any) -> Array:
    return np.asarray(axes.images[0].get_array())


@pytest.mark.parametrize("shape", [(6, 6, 1), (6, 8, 3)])
def test_codes_that_are_the_class_find_it_and_random_ones_do_not(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> None:
    of = splits(rng, shape, labelled=True)
    labels = np.concatenate([each["labels"] for each in of.values()])
    good = retrieval_figure("v", of, latents(of, np.eye(3, dtype=np.float32)[labels]), NAMES, {"precision_at_10": 1.0})
    assert "each with the 10 of 30 training images whose codes are nearest" in good.get_suptitle()
    assert "framed: 0 of these 100 are of another class than the query" in good.get_suptitle()
    assert good.get_suptitle().endswith("; precision at 10 on the test split 1.000")
    assert len(good.axes[0].patches) == 0
    assert {text.get_text() for text in good.axes[0].get_yticklabels()} == set(NAMES.values())
    bad = retrieval_figure("v", of, latents(of, rng.normal(size=(42, 2)).astype(np.float32)), NAMES, {})
    frames = len(bad.axes[0].patches)
    assert 30 < frames < 100
    assert bad.get_suptitle().endswith(f"framed: {frames} of these 100 are of another class than the query")


def test_the_nearest_code_is_that_of_the_same_image(rng: np.random.Generator) -> None:
    of = splits(rng, (6, 8, 3), labelled=False)
    of["train"]["images"][:12] = of["test"]["images"]
    pixels = np.concatenate([each["images"].reshape(len(each["images"]), -1) for each in of.values()])
    drawing = retrieval_figure("v", of, latents(of, pixels.astype(np.float32)), {}, {})
    pictures = shown(drawing.axes[0])
    left = pictures.shape[1] - 10 * 8 - 9 * 2  # of the first image found
    assert (pictures[:, :8] == pictures[:, left : left + 8]).all()
    assert "framed" not in drawing.get_suptitle()


def test_of_few_training_images_all_are_shown(rng: np.random.Generator) -> None:
    of = {name: {key: array[:4] for key, array in each.items()} for name, each in splits(rng, (6, 6, 1), True).items()}
    drawing = retrieval_figure("v", of, latents(of, np.zeros((8, 2), np.float32)), NAMES, {})
    assert "each with the 4 of 4 training images" in drawing.get_suptitle()


@pytest.mark.parametrize("labelled", [True, False])
def test_denoising_shows_the_noise_that_it_was_measured_with(rng: np.random.Generator, labelled: bool) -> None:
    test = splits(rng, (6, 8, 3), labelled)["test"]
    used = {f"denoised_{level:g}": rng.random((12, 6, 8, 3)) for level in LEVELS}
    drawing = denoising_figure("v", test, used, LEVELS, 42, PSNR)
    labels = ["clean", "noise 0.1\n20.0 dB", "0.1 denoised\n25.0 dB", "noise 0.5\n10.0 dB", "0.5 denoised\n15.0 dB"]
    assert [axes.get_ylabel() for axes in drawing.axes] == labels
    assert drawing.get_suptitle().endswith("mean of 12 test images")
    noisy = at_levels(test["images"], LEVELS, 42)
    for axes, images in zip(
        drawing.axes,
        [test["images"] / 255, noisy[0.1], used["denoised_0.1"], noisy[0.5], used["denoised_0.5"]],
        strict=True,
    ):
        assert shown(axes)[:, :8] == pytest.approx(images[0])
        assert shown(axes)[:, -8:] == pytest.approx(images[9])


def test_roc_names_aurocs_and_marks_the_threshold(rng: np.random.Generator) -> None:
    strange = np.arange(200) % 4 == 0
    scores = {"error": rng.normal(size=200) + 2 * strange, "ELBO": rng.normal(size=200) + strange}
    measured = {"auroc": 0.91, "elbo_auroc": 0.76}
    drawing = roc_figure("v", scores, np.arange(100.0) / 100, strange, measured)
    assert drawing is not None
    names = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert names[:2] == ["error: AUROC 0.910", "ELBO: AUROC 0.760"]
    assert names[3].startswith("threshold of 0.94 nats, as 95 % of 100 validation images are not above")
    assert drawing.get_suptitle() == "v: 50 of 200 test images are of other classes than it has learnt"
    assert points(drawing.axes[0].lines[-1]).tolist() == [list(anomaly.rates(scores["error"], strange, 0.94))]
    false_positive, true_positive = points(drawing.axes[0].lines[0]).T
    area = anomaly.auroc(scores["error"], strange)
    assert np.trapezoid(true_positive, false_positive) == pytest.approx(area, abs=0.01)


def test_no_roc_where_all_images_are_of_one_kind_and_no_mark_at_infinity() -> None:
    scores = {"error": np.arange(4.0)}
    for strange in (np.zeros(4, bool), np.ones(4, bool)):
        assert roc_figure("v", scores, np.ones(3), strange, {}) is None
    drawing = roc_figure("v", scores, np.full(3, math.inf), np.arange(4) > 1, {"auroc": 1.0})
    assert drawing is not None
    assert len(drawing.axes[0].lines) == 2  # the curve and chance


def test_lines_of_denoising_are_the_measured_ones() -> None:
    p = ForCompare(
        numerics="portable", study="s", seed=1, noise_levels=LEVELS, uses_images=1000, variants={"a": ("a", "b")}
    )
    seeds = [{f"denoising/{name}": value + shift for name, value in PSNR.items()} for shift in (-1, 1)]
    rows = [row("a", seeds), row("raw", [{"latent/dim": 784.0}])]
    median = {"median": {"denoising": {"psnr_0.1": 22.0, "psnr_0.5": 13.0, "size_0.1": 3}}}
    drawing = noise_removed(p, rows, median, 60)
    assert drawing is not None
    assert "up to 60 test images" in drawing.get_suptitle()
    drawn = {str(line.get_label()): points(line)[:, 1].tolist() for line in drawing.axes[0].lines}
    lines = {name: values for name, values in drawn.items() if not name.startswith("_")}
    assert lines == {"a": [25.0, 15.0], "median filter": [22.0, 13.0], "noisy input": [20.0, 10.0]}
    assert noise_removed(p, rows[1:], median, 60) is None
