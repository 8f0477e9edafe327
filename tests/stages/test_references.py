"""References: what has no code, measured as variants are."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from latentlab.config import params, paths
from latentlab.errors import UserError
from latentlab.metrics.detectors import DETECTORS
from latentlab.stages import references
from latentlab.storage.json import read_json
from latentlab.storage.npz import read_npz
from latentlab.tables import table
from tests.conftest import prepare_study, write_tiny

VARIANTS: dict[str, dict[str, Any]] = {
    "all": {"model": "pca", "units": 4},
    "ones": {"model": "pca", "units": 4, "classes": [1]},
    "more_ones": {"model": "pca", "units": 5, "classes": [1]},
    "few": {"model": "pca", "units": 4, "classes": ["3", 5]},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The references of a few hundred digits; the process stays in the study's folder."""
    root = tmp_path_factory.mktemp("references")
    write_tiny(root, VARIANTS, uses_images=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare_study()
        assert references.main() == "references: mean_image, noisy, median, png, jpeg, ocsvm, isolation_forest"
        yield read_json(paths.REFERENCES)


@pytest.mark.slow
def test_the_mean_image_is_that_of_training(study: dict[str, Any]) -> None:
    train, test = (read_npz(paths.prepared(split))["images"] / 255 for split in ("train", "test"))
    expected = ((test - train.mean(axis=0)) ** 2).mean()
    assert study["mean_image"]["reconstruction"]["mse"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_noise_takes_from_images_what_its_level_says_and_the_filter_gives_some_back(study: dict[str, Any]) -> None:
    noisy, median = study["noisy"]["denoising"], study["median"]["denoising"]
    levels = ["0.1", "0.25", "0.5", "0.75", "1"]
    before, after = ([block[f"psnr_{level}"] for level in levels] for block in (noisy, median))
    assert before == sorted(before, reverse=True)
    # noise of 0.1 on black pixels and white ones, clipped: half of it stays
    assert before[0] == pytest.approx(-10 * np.log10(0.1**2 / 2), abs=0.7)
    assert all(one > other for one, other in zip(after[1:], before[1:], strict=True))
    sizes = [median[f"size_{level}"] for level in levels]
    assert sizes == sorted(sizes)  # the more noise, the larger the window
    assert set(sizes) <= set(references.SIZES)


@pytest.mark.slow
def test_files_cost_what_pillow_writes(study: dict[str, Any]) -> None:
    png, jpeg = study["png"]["compression"], study["jpeg"]["compression"]
    assert png["mse"] == 0 < jpeg["mse"] < 0.01
    assert png["bits"] < 28 * 28 * 8
    assert jpeg["bits"] > 600 * 8 / 4


@pytest.mark.slow
def test_detectors_are_measured_for_each_choice_of_classes(study: dict[str, Any]) -> None:
    for name in DETECTORS:
        each = study[name]["auroc_by_classes"]
        assert set(each) == {"1", "3+5"}
        assert study[name]["anomaly"]["auroc"] == pytest.approx(sum(each.values()) / 2, abs=1e-6)
        assert each["1"] > 0.95  # a one is thin; the others are more
        assert each["3+5"] > 0.55


@pytest.mark.slow
def test_they_are_rows_of_the_tables(study: dict[str, Any]) -> None:
    rows = {row.name: row.means for row in table.references()}
    assert list(rows) == list(study)
    assert rows["median"]["denoising/psnr_0.5"] == study["median"]["denoising"]["psnr_0.5"]


@pytest.mark.slow
def test_the_same_bytes_twice(study: dict[str, Any]) -> None:
    before = paths.REFERENCES.read_bytes()
    references.main()
    assert paths.REFERENCES.read_bytes() == before


def test_other_images_than_grey_and_colour_have_no_files(rng: np.random.Generator) -> None:
    assert references.files(rng.integers(0, 256, (2, 8, 8, 2), np.uint8)) == {}


@pytest.mark.parametrize("detector", list(DETECTORS))
def test_a_detector_finds_what_is_new_and_takes_equal_images(detector: str, rng: np.random.Generator) -> None:
    normal = rng.integers(100, 120, (50, 4, 4, 1), np.uint8)
    both = np.concatenate([normal[:5], rng.integers(0, 256, (5, 4, 4, 1), np.uint8)])
    scores = DETECTORS[detector](normal, both, 1)
    assert scores.shape == (10,)
    assert scores[5:].min() > scores[:5].max()
    same = DETECTORS[detector](normal[:1].repeat(50, axis=0), both, 1)
    assert np.isfinite(same).all()


def test_no_variant_may_have_their_name(tiny: dict[str, Any]) -> None:
    tiny["variants"]["references"] = {"model": "raw"}
    with pytest.raises(UserError, match=re.escape("variants: found the name 'references', allowed: any but")):
        params.parse(tiny)
