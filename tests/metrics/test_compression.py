"""Quantisers against their theory, files against Pillow, curves against points on them."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from latentlab.metrics import compression, reconstruction
from latentlab.storage import memory
from latentlab.storage.memory import Array

QUALITIES = (1, 5, 20, 50, 80, 95, 100)
SHAPES = [(5, 28, 28, 1), (3, 64, 64, 3), (2, 13, 9, 3), (2, 3, 3, 1)]
codes_of = arrays(np.float32, (6, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32))


def blobs(shape: tuple[int, ...]) -> Array:
    """Smooth images with an edge, (N, H, W, C) uint8."""
    number, y, x, channel = np.indices(shape)
    waves = np.sin((x + number) / 4) + np.cos(y / (5 + channel))
    images: Array = np.where(x > y, 127 + 50 * waves, 60 + 20 * channel).astype(np.uint8)
    return images


def roundtrip(codes: Array, low: Array, high: Array) -> Array:
    return compression.dequantise(compression.quantise(codes, low, high), low, high)


@given(codes_of)
def test_codes_come_back_within_half_a_step(codes: Array) -> None:
    low, high = compression.code_range(codes)
    steps = (high.astype(np.float64) - low) / 255
    slack = np.abs(codes).max() * 1e-6 + 1e-44  # float32
    assert (np.abs(roundtrip(codes, low, high).astype(np.float64) - codes) <= steps / 2 + slack).all()


@given(codes_of)
def test_the_ends_of_the_range_come_back_exactly(codes: Array) -> None:
    low, high = compression.code_range(codes)
    np.testing.assert_array_equal(roundtrip(np.stack([low, high]), low, high), [low, high])


def test_levels_by_hand() -> None:
    low, high = np.array([0.0, -1.0]), np.array([255.0, 1.0])
    codes = np.array([[0, -1], [255, 1], [127.4, 0.2], [-9, 9], [np.inf, -np.inf]])
    quantised = compression.quantise(codes, low, high)
    assert quantised.dtype == np.uint8
    assert quantised.tolist() == [[0, 0], [255, 255], [127, 153], [0, 255], [255, 0]]


def test_a_dimension_that_never_changes() -> None:
    train = np.array([[0.1, 1.0], [0.1, 2.0]], np.float32)
    low, high = compression.code_range(train)
    assert compression.quantise(np.array([[5.0, 1.5]]), low, high).tolist() == [[0, 128]]
    np.testing.assert_array_equal(roundtrip(train + 7, low, high)[:, 0], train[:, 0])


def test_the_error_of_uniform_codes(rng: np.random.Generator) -> None:
    codes = rng.random((20_000, 4), dtype=np.float32)
    error = roundtrip(codes, np.zeros(4), np.ones(4)) - codes.astype(np.float64)
    assert (error**2).mean() == pytest.approx(1 / 255**2 / 12, rel=0.02)


def test_chunks_do_not_matter(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = rng.normal(size=(50, 3)).astype(np.float32)
    low, high = compression.code_range(codes[:25])
    whole = compression.quantise(codes, low, high), roundtrip(codes, low, high)
    monkeypatch.setattr(memory, "CHUNK_PIXELS", 7)
    np.testing.assert_array_equal(compression.quantise(codes, low, high), whole[0])
    np.testing.assert_array_equal(roundtrip(codes, low, high), whole[1])


def test_bits_of_a_code() -> None:
    assert compression.bits((10_000, 32)) == 256
    assert compression.bits((1, 1)) == 8


def test_a_png_of_noise_is_no_smaller_than_the_noise(rng: np.random.Generator) -> None:
    noise = rng.integers(0, 256, (4, 32, 32, 3), np.uint8)
    assert 8 * noise[0].size < compression.png_bits(noise) < 8 * noise[0].size * 1.1
    assert compression.png_bits(blobs((4, 32, 32, 3))) < 8 * noise[0].size / 2


def test_png_bits_are_the_mean_of_whole_files() -> None:
    images = np.concatenate([blobs((2, 28, 28, 1)), np.zeros((1, 28, 28, 1), np.uint8)])
    alone = [compression.png_bits(images[[number]]) for number in range(3)]
    assert compression.png_bits(images) == pytest.approx(np.mean(alone))
    file = io.BytesIO()
    Image.fromarray(images[2, :, :, 0]).save(file, "PNG", optimize=True)
    assert alone[2] == 8 * len(file.getvalue())
    assert file.getvalue()[-8:-4] == b"IEND"


@pytest.mark.parametrize("shape", SHAPES)
def test_jpeg_files_are_what_pillow_reads_back(shape: tuple[int, ...]) -> None:
    images = blobs(shape)
    bits, mse = compression.jpeg_curve(images, QUALITIES)
    for quality, expected_bits, expected_mse in zip(QUALITIES, bits, mse, strict=True):
        files = [io.BytesIO() for _ in images]
        for image, file in zip(images, files, strict=True):
            Image.fromarray(image.squeeze()).save(file, "JPEG", quality=quality, subsampling=2, optimize=True)
        decoded = np.stack([np.asarray(Image.open(file)).reshape(shape[1:]) for file in files]) / 255
        assert expected_bits == np.mean([8 * len(file.getvalue()) for file in files])
        assert expected_mse == pytest.approx(reconstruction.mse(images, decoded), rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_more_quality_is_more_bits_and_less_error(shape: tuple[int, ...]) -> None:
    bits, mse = compression.jpeg_curve(blobs(shape), QUALITIES)
    assert (np.diff(bits) > 0).all()
    assert (np.diff(mse) < 0).all()


def test_the_jpeg_of_an_even_grey() -> None:
    bits, mse = compression.jpeg_curve(np.full((3, 28, 28, 1), 128, np.uint8), [50])
    assert (bits.tolist(), mse.tolist()) == ([1296], [0])  # headers and tables, but for some bytes


def test_the_order_of_images_does_not_matter() -> None:
    images = blobs((9, 16, 16, 3))
    for one, other in zip(*(compression.jpeg_curve(each, [30, 90]) for each in (images, images[::-1])), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("side", [256, 300])
def test_large_files_of_noise(rng: np.random.Generator, side: int) -> None:
    noise = rng.integers(0, 256, (1, side, side, 3), np.uint8)
    bits, _ = compression.jpeg_curve(noise, [94, 95, 100])  # where Pillow has to guess the size of its buffer
    assert bits[-1] > 8 * side * side


@pytest.mark.parametrize("quality", [0, 101])
def test_qualities_that_jpeg_has_not(quality: int) -> None:
    with pytest.raises(ValueError, match=r"qualities \[50"):
        compression.jpeg_curve(blobs((1, 8, 8, 1)), [50, quality])


def test_channels_that_files_have_not() -> None:
    images = np.zeros((1, 8, 8, 2), np.uint8)
    with pytest.raises(ValueError, match="2 channels"):
        compression.png_bits(images)
    with pytest.raises(ValueError, match="2 channels"):
        compression.jpeg_curve(images, [50])


CURVE = np.array([1000.0, 2000.0, 4000.0]), np.array([1e-2, 1e-3, 1e-5])


def test_bits_between_the_points_of_a_curve() -> None:
    for bits, mse in zip(*CURVE, strict=True):
        assert compression.bits_at(mse, CURVE) == bits
    assert compression.bits_at(10**-2.5, CURVE) == pytest.approx(1500)
    assert compression.bits_at(1e-4, CURVE) == pytest.approx(3000)
    backwards = CURVE[0][::-1], CURVE[1][::-1]
    assert compression.bits_at(1e-4, backwards) == compression.bits_at(1e-4, CURVE)


@pytest.mark.parametrize("mse", [0.011, 9e-6, 0.0, np.inf, np.nan])
def test_no_bits_beyond_the_curve(mse: float) -> None:
    assert compression.bits_at(mse, CURVE) is None


@given(st.floats(1e-5, 1e-2), st.floats(1e-5, 1e-2))
def test_a_smaller_error_never_takes_fewer_bits(one: float, other: float) -> None:
    small, large = (compression.bits_at(mse, CURVE) for mse in sorted((one, other)))
    assert small is not None
    assert large is not None
    assert small >= large


def test_a_curve_that_turns_back() -> None:
    curve = np.array([100.0, 300.0, 200.0]), np.array([1e-1, 1e-2, 1e-3])  # 200 bits do better than 300
    assert compression.bits_at(1e-2, curve) == 200
    assert compression.bits_at(10**-2.5, curve) == pytest.approx(200)


def test_curves_without_an_error() -> None:
    flat = np.array([90.0, 80.0]), np.zeros(2)
    assert compression.bits_at(0.0, flat) == 80
    assert compression.bits_at(1e-11, flat) == 80
    assert compression.bits_at(1e-3, flat) is None
    assert compression.bits_at(1e-6, (np.array([10.0, 50.0]), np.array([1e-2, 0.0]))) == pytest.approx(30)
    assert compression.bits_at(0.1, (np.zeros(0), np.zeros(0))) is None
