"""Uses of an autoencoder, measured on a few hundred digits: one that learnt does better than one that did not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentlab.config import paths
from latentlab.metrics.denoising import before_and_after
from latentlab.metrics.noise import at_levels
from latentlab.metrics.reconstruction import image_bce
from latentlab.metrics.variational import importance_weighted, negative_elbo
from latentlab.stages import classifier, evaluate, extract, plot, train, tsne
from latentlab.stages._use_metrics import likeness_metrics
from latentlab.storage.json import read_json
from latentlab.storage.npz import read_npz
from latentlab.tables.columns import better, by_tracked_name
from tests.conftest import draw_once, prepare_study, write_tiny

pytestmark = pytest.mark.slow

NET = {"model": "vae", "units": [64], "epochs": 40, "batch_size": 32, "learning_rate": 0.002}
UNTRAINED = {"epochs": 1, "learning_rate": 1e-9}
VARIANTS: dict[str, dict[str, Any]] = {
    "learnt": NET,
    "untrained": {"like": "learnt", **UNTRAINED},
    "ones": {"model": "pca", "units": 4, "classes": [1]},
    "strange": {"like": "learnt", "classes": [1], **UNTRAINED},
}
Numbers = dict[str, float]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Numbers]]:
    """The metrics of the variants above; the process stays in the study's folder."""
    root = tmp_path_factory.mktemp("uses")
    write_tiny(root, VARIANTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        draw_once(patch)
        prepare_study()
        classifier.main()
        for variant in VARIANTS:
            for stage in (train, extract, tsne, evaluate, plot):
                stage.main(variant)
        yield {variant: by_tracked_name(read_json(paths.metrics(variant))) for variant in VARIANTS}


def test_what_learnt_is_better_in_every_use(found: dict[str, Numbers]) -> None:
    learnt, untrained = found["learnt"], found["untrained"]
    names = ["test/bce", "compression/mse", "vae/elbo", "vae/iwae_50", "vae/iwae_500"]
    names += [f"denoising/{kind}_{level}" for kind in ("psnr", "ssim") for level in ("0.1", "0.5", "1")]
    names += ["retrieval/precision_at_10", "retrieval/mean_average_precision", "latent/silhouette"]
    names += ["generation/frechet", "generation/coverage"]
    for name in names:
        sign = 1 if better(name) == "↑" else -1
        assert sign * learnt[name] > sign * untrained[name], name
    assert found["ones"]["anomaly/auroc"] > 0.9 > found["strange"]["anomaly/auroc"]
    assert found["ones"]["anomaly/recall"] > found["strange"]["anomaly/recall"]


def test_bounds_of_the_likelihood_stand_in_order(found: dict[str, Numbers]) -> None:
    used = read_npz(paths.uses("learnt"))
    few, many = used["log_weights_50"], used["log_weights_500"]
    assert few.mean() < importance_weighted(few)
    assert importance_weighted(many[:, :50]) < importance_weighted(many)
    assert importance_weighted(few) == pytest.approx(found["learnt"]["vae/iwae_50"], rel=1e-5)
    assert importance_weighted(many) == pytest.approx(found["learnt"]["vae/iwae_500"], rel=1e-5)


def test_noise_is_the_same_for_all_and_measured_against_clean_images(found: dict[str, Numbers]) -> None:
    images = read_npz(paths.prepared("test"))["images"][:20]
    noisy = at_levels(images, (0.1, 0.25, 0.5, 0.75, 1.0), 42)[0.5]
    assert found["learnt"]["denoising/psnr_noisy_0.5"] == found["untrained"]["denoising/psnr_noisy_0.5"]
    expected = before_and_after(images, noisy, read_npz(paths.uses("learnt"))["denoised_0.5"])
    assert found["learnt"]["denoising/psnr_0.5"] == pytest.approx(expected["psnr"], rel=1e-5)
    assert found["learnt"]["denoising/psnr_noisy_0.5"] == pytest.approx(expected["psnr_noisy"], rel=1e-5)


def test_anomalies_are_the_other_classes_and_the_threshold_is_from_validation(found: dict[str, Numbers]) -> None:
    scores = read_npz(paths.uses("ones"))["validation_bce"]
    validation, test = (read_npz(paths.prepared(split)) for split in ("validation", "test"))
    assert len(scores) == (validation["labels"] == 1).sum()
    assert found["ones"]["anomaly/threshold"] == pytest.approx(scores.max(), rel=1e-5)  # the 95 % quantile of three
    errors = image_bce(test["images"], read_npz(paths.decoded("ones"))["reconstructions"])
    strange = test["labels"] != 1
    recall = (errors[strange] > scores.max()).mean()
    assert found["ones"]["anomaly/recall"] == pytest.approx(recall, rel=1e-5)
    assert "anomaly/auroc" not in found["learnt"]


@pytest.mark.usefixtures("found")
def test_what_has_learnt_some_classes_has_a_picture_of_how_it_finds_the_others() -> None:
    assert [variant for variant in VARIANTS if (paths.plots(variant) / "roc.png").exists()] == ["ones", "strange"]
    assert all((paths.plots(variant) / "denoising.png").exists() for variant in VARIANTS)


def test_a_variational_one_has_a_second_score_for_anomalies(found: dict[str, Numbers]) -> None:
    assert 0 <= found["strange"]["anomaly/elbo_auroc"] <= 1
    images = read_npz(paths.prepared("validation"))
    used = read_npz(paths.uses("strange"))
    assert used["validation_negative_elbo"].shape == ((images["labels"] == 1).sum(),)
    decoded = read_npz(paths.decoded("learnt"))
    test = read_npz(paths.prepared("test"))["images"]
    each = negative_elbo(test, decoded["sampled"], decoded["z_mean"], decoded["z_log_var"])
    assert -each.mean() == pytest.approx(found["learnt"]["vae/elbo"], rel=1e-5)


def test_codes_of_8_bits_lose_little(found: dict[str, Numbers]) -> None:
    assert found["learnt"]["compression/bits"] == 16
    assert found["learnt"]["compression/mse"] == pytest.approx(found["learnt"]["test/mse"], rel=0.05)


def test_weights_are_those_of_the_first_images(found: dict[str, Numbers]) -> None:
    used = read_npz(paths.uses("learnt"))
    assert (used["log_weights_50"].shape, used["log_weights_500"].shape) == ((20, 50), (2, 500))
    assert np.isfinite(used["log_weights_500"]).all()
    np.testing.assert_array_equal(used["log_weights_500"][:, :50], used["log_weights_50"][:2])


def test_random_images_are_no_copies(found: dict[str, Numbers]) -> None:
    assert found["learnt"]["generation/nearest_distance"] > 0
    assert read_npz(paths.decoded("learnt"))["random"].shape == (100, 28, 28, 1)
    assert not Path("data/uses/raw.npz").exists()


def test_generated_images_are_compared_with_those_of_the_classes_that_were_learnt(found: dict[str, Numbers]) -> None:
    real = read_npz(paths.CLASSIFIED)["features"][read_npz(paths.prepared("test"))["labels"] == 1]
    generated = read_npz(paths.uses("ones"))["random_features"]
    assert generated.shape == (100, 64)
    for name, value in likeness_metrics(real, generated[: len(real)]).items():
        assert found["ones"][f"generation/{name}"] == pytest.approx(value, rel=1e-5), name
