"""Principal components and pixels, which every variant is measured against."""

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentlab.models import pca, raw
from latentlab.networks.autoencoder import Autoencoder
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.training.solution import solution

SHAPE = (6, 5, 2)


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    start_tensorflow(seed=42, threads=1)


@pytest.fixture
def images(rng: np.random.Generator) -> Any:
    """Images near a plane of three dimensions."""
    mixed = rng.random((80, 3)) @ rng.random((3, 60)) / 3 + 0.02 * rng.standard_normal((80, 60))
    return (np.clip(mixed, 0, 1) * 255).round().astype(np.uint8).reshape(80, *SHAPE)


def solved(images: Any, units: int) -> Autoencoder:
    autoencoder = pca.build(pca.Options(units=units), SHAPE)
    pca.solve(autoencoder, images)
    return autoencoder


def test_codes_and_reconstructions_are_those_of_scikit_learn(images: Any) -> None:
    x = images.reshape(80, -1) / 255
    expected = PCA(3).fit(x)
    autoencoder = solved(images, 3)
    codes = np.asarray(autoencoder.encoder(x.reshape(80, *SHAPE).astype(np.float32)))
    assert np.abs(codes) == pytest.approx(np.abs(expected.transform(x)), abs=1e-5)  # up to the sign of an axis
    decoded = np.asarray(autoencoder.decoder(codes)).reshape(80, -1)
    assert decoded == pytest.approx(np.clip(expected.inverse_transform(expected.transform(x)), 0, 1), abs=1e-5)


def test_more_components_leave_less_error(images: Any) -> None:
    x = (images / 255).astype(np.float32)
    errors = []
    for units in (1, 2, 3, 60):
        autoencoder = solved(images, units)
        errors.append(float(((np.asarray(autoencoder.decoder(autoencoder.encoder(x))) - x) ** 2).mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-10


def test_losses_are_those_of_the_solution(images: Any) -> None:
    autoencoder = pca.build(pca.Options(units=3), SHAPE)
    found = solution(pca.solve, autoencoder, images[:60], images[60:], seed=0)
    x = images[60:] / 255
    p = np.clip(np.asarray(autoencoder.decoder(autoencoder.encoder(x.astype(np.float32)))), 1e-7, 1 - 1e-7)
    bce = -(x * np.log(p) + (1 - x) * np.log1p(-p)).mean()
    assert found.kept["validation_loss"] == pytest.approx(bce, rel=1e-4)
    assert (found.epochs, found.best_epoch, len(found.history)) == (0, 0, 1)


@pytest.mark.parametrize("count", [80, 40])  # more images than pixels, and fewer
@pytest.mark.parametrize("exact", [pca.EXACT, 1])
def test_every_way_to_the_components_leaves_the_same_error(
    images: Any, count: int, exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pca, "EXACT", exact)
    few = images[:count]
    autoencoder = solved(few, 3)
    x = (few / 255).astype(np.float32)
    error = ((np.asarray(autoencoder.decoder(autoencoder.encoder(x))) - x) ** 2).mean()
    flat = x.reshape(count, -1).astype(np.float64)
    whole = PCA(3, svd_solver="full").fit(flat)
    kept = np.clip(whole.inverse_transform(whole.transform(flat)), 0, 1)
    assert error == pytest.approx(((kept - flat) ** 2).mean(), rel=1e-3)


@pytest.mark.parametrize(("units", "count", "most"), [(61, 80, 60), (11, 10, 10)])
def test_too_many_components_are_refused(images: Any, units: int, count: int, most: int) -> None:
    with pytest.raises(ValueError, match=rf"^units: found {units}, allowed: at most {most}, for {count} images of 60"):
        solved(images[:count], units)


def test_images_of_one_colour_have_no_components() -> None:
    autoencoder = solved(np.full((10, *SHAPE), 51, np.uint8), 2)
    x = np.full((1, *SHAPE), 0.2, np.float32)
    assert np.asarray(autoencoder.decoder(autoencoder.encoder(x))) == pytest.approx(x, abs=1e-6)


def test_pixels_are_a_code_that_learns_nothing(images: Any) -> None:
    autoencoder = raw.build(raw.Options(), SHAPE)
    found = solution(raw.solve, autoencoder, images, images, seed=0)
    assert (found.history, found.kept, found.epochs, str(found)) == ([], {}, 0, "nothing to learn")
    x = (images / 255).astype(np.float32)
    codes = np.asarray(autoencoder.encoder(x))
    assert (codes == x.reshape(80, -1)).all()
    assert (np.asarray(autoencoder.decoder(codes)) == x).all()
