"""Noise whose PSNR is known, and medians counted one by one."""

import math

import numpy as np
import pytest

from latentlab.metrics import denoising, reconstruction
from latentlab.metrics.similarity import ssim
from latentlab.storage import memory
from latentlab.storage.memory import Array


def squares(count: int = 6, side: int = 32, channels: int = 1) -> Array:
    """Bright squares on dark ground, (N, H, W, C) uint8."""
    images = np.full((count, side, side, channels), 40, np.uint8)
    for number, image in enumerate(images):
        image[4 + number : 20 + number, 6:24] = 200
    return images


def with_gaussian(rng: np.random.Generator, images: Array, stddev: float) -> Array:
    return (images / 255 + rng.normal(0, stddev, images.shape)).astype(np.float32)


@pytest.mark.parametrize("stddev", [0.01, 0.05, 0.1])
def test_psnr_of_gaussian_noise(rng: np.random.Generator, stddev: float) -> None:
    grey = np.full((4, 64, 64, 1), 128, np.uint8)
    noisy, less = (with_gaussian(rng, grey, each) for each in (stddev, stddev / 10))
    measured = denoising.before_and_after(grey, noisy, less)
    assert measured["psnr_noisy"] == pytest.approx(-20 * math.log10(stddev), abs=0.1)
    assert measured["psnr"] - measured["psnr_noisy"] == pytest.approx(20, abs=0.2)
    assert measured["ssim_noisy"] < measured["ssim"]


def test_the_numbers_are_those_of_reconstructions(rng: np.random.Generator) -> None:
    images = squares(channels=3)
    noisy, denoised = (np.clip(with_gaussian(rng, images, each), 0, 1) for each in (0.3, 0.1))
    measured = denoising.before_and_after(images, noisy, denoised)
    assert measured == {
        "psnr_noisy": reconstruction.psnr(images, noisy),
        "psnr": reconstruction.psnr(images, denoised),
        "ssim_noisy": ssim(images, noisy),
        "ssim": ssim(images, denoised),
    }


def test_more_noise_scores_worse(rng: np.random.Generator) -> None:
    images = squares()
    levels = [with_gaussian(rng, images, stddev) for stddev in (0.05, 0.2, 0.5, 1.0)]
    measured = [denoising.before_and_after(images, noisy, noisy) for noisy in levels]
    for name in ("psnr_noisy", "ssim_noisy"):
        values = [each[name] for each in measured]
        assert values == sorted(values, reverse=True)
    assert all(each["psnr"] == each["psnr_noisy"] and each["ssim"] == each["ssim_noisy"] for each in measured)


def test_no_noise_at_all() -> None:
    clean = (squares() / 255).astype(np.float32)
    measured = denoising.before_and_after(squares(), clean, clean)
    assert measured == {"psnr_noisy": 100.0, "psnr": 100.0, "ssim_noisy": 1.0, "ssim": 1.0}


def test_pixels_beyond_black_and_white_are_black_and_white() -> None:
    images = squares()
    wild = np.where(images > 100, np.float32(np.inf), np.float32(-1e30))
    wild[:, 0, 0] = 1e30
    tame = np.clip(wild, 0, 1)
    assert denoising.before_and_after(images, wild, wild) == denoising.before_and_after(images, tame, tame)


def test_a_median_by_hand() -> None:
    image = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    image[0, 1, 1] = 100
    filtered = denoising.median_filter(image)[0, :, :, 0]
    assert filtered[1, 1] == 5  # 0 1 2 3 5 6 7 8 100
    assert filtered[0, 0] == 1  # 0 0 0 0 1 1 3 3 100, mirrored at two edges


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("shape", [(3, 8, 9, 3), (2, 3, 3, 1), (0, 8, 8, 1)])
def test_medians_one_by_one(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, size: int, shape: tuple[int, ...]
) -> None:
    monkeypatch.setattr(memory, "CHUNK_PIXELS", 100)  # an image or a few at a time
    noisy, reach = rng.random(shape, dtype=np.float32), size // 2
    padded = np.pad(noisy, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))  # (N, H, W, C, size, size)
    expected = np.median(windows, axis=(-2, -1)) if len(noisy) else noisy
    filtered = denoising.median_filter(noisy, size)
    assert filtered.dtype == np.float32
    np.testing.assert_array_equal(filtered, expected)


def test_a_window_larger_than_the_image() -> None:
    even = np.full((1, 3, 3, 1), 0.25, np.float32)
    np.testing.assert_array_equal(denoising.median_filter(even, 9), even)


@pytest.mark.parametrize("size", [0, 2, -1])
def test_a_window_has_a_middle(size: int) -> None:
    with pytest.raises(ValueError, match=f"size {size}"):
        denoising.median_filter(np.zeros((1, 4, 4, 1), np.float32), size)


def test_the_median_removes_salt_and_pepper(rng: np.random.Generator) -> None:
    images = squares()
    chance = rng.random(images.shape)
    noisy = np.select([chance < 0.05, chance > 0.95], [0, 1], images / 255).astype(np.float32)
    measured = denoising.before_and_after(images, noisy, denoising.median_filter(noisy))
    assert measured["psnr"] > measured["psnr_noisy"] + 10
    assert measured["ssim"] > 0.9 > 0.6 > measured["ssim_noisy"]
