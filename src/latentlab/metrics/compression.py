"""A code as a compressed image, beside PNG and JPEG: bits an image, and the error that they buy.

Codes are (N, D), finite; images (N, H, W, C) uint8, at least one, greyscale (C = 1) or colour (C = 3); other channels
raise ValueError. A file counts with its headers and tables, a code without the decoder, so both are what has to be sent
for one more image. In small images these weigh most: the JPEG of an even 28x28 grey takes some 1,300 bits.

Bytes depend on the libraries that Pillow calls. JPEG: its wheels bring libjpeg-turbo, of which versions 2.1 and 3.2,
with vector instructions and without, gave the same bytes and pixels; other JPEG libraries (mozjpeg, IJG's from version
7 on) may not. PNG: its wheels for Linux take zlib from the system; zlib 1.2.13 and zlib-ng 2.3.3 gave the same size for
28x28 digits and sizes some thousandths of a per cent apart for 64x64 photographs.
"""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from latentlab.storage.memory import Array, chunks

LEVELS = 255  # steps that 8 bits can count
LEAST_MSE = 1e-10  # 100 dB, where PSNR ends too


def code_range(train_codes: Array) -> tuple[Array, Array]:
    """The least and the largest entry of each dimension, (D,) and (D,), of the codes' type."""
    return train_codes.min(axis=0), train_codes.max(axis=0)


def quantise(codes: Array, low: Array, high: Array) -> Array:
    """Codes as 8 bits an entry, (N, D) uint8: the nearest of 256 even steps from `low` to `high`, both (D,).

    What lies outside is clipped. A dimension whose `low` is its `high` gives 0.
    """
    low, high = low.astype(np.float64), high.astype(np.float64)
    span = np.where(high > low, high - low, 1)
    quantised = np.empty(codes.shape, np.uint8)
    for chunk in chunks(codes):
        quantised[chunk] = np.rint((np.clip(codes[chunk], low, high) - low) / span * LEVELS)
    return quantised


def dequantise(quantised: Array, low: Array, high: Array) -> Array:
    """Codes (N, D) float32 from those of `quantise`; a code within its range is off by (`high` - `low`) / 510 at most.

    A dimension whose `low` is its `high` gives just that.
    """
    low, high = low.astype(np.float64), high.astype(np.float64)
    codes = np.empty(quantised.shape, np.float32)
    for chunk in chunks(quantised):
        share = quantised[chunk] / LEVELS
        codes[chunk] = low * (1 - share) + high * share
    return codes


def bits(codes_shape: tuple[int, ...]) -> int:
    """Bits an image of quantised codes (N, D): 8 D."""
    return 8 * math.prod(codes_shape[1:])


def png_bits(images: Array) -> float:
    """Mean bits of an image's PNG file as Pillow's `optimize` writes it: without loss, at zlib's highest level."""
    return 8 * sum(len(_file(_picture(image), "PNG", optimize=True)) for image in images) / len(images)


def jpeg_curve(images: Array, qualities: Sequence[int]) -> tuple[Array, Array]:
    """Mean bits of an image's JPEG file, and mean squared error a pixel in [0, 1], at each quality: (Q,) and (Q,).

    Baseline JPEG with Huffman tables of the image's own and, in colour, 4:2:0 subsampling. Raises ValueError for a
    quality outside of 1 to 100.
    """
    if not all(1 <= quality <= 100 for quality in qualities):
        raise ValueError(f"qualities {list(qualities)}")
    totals = np.zeros((len(qualities), 2), np.int64)  # bytes and squared errors, exact in any order
    for image in images:
        picture = _picture(image)
        totals += np.array([_jpeg(picture, image, quality) for quality in qualities], np.int64).reshape(-1, 2)
    return totals[:, 0] * 8 / len(images), totals[:, 1] / (images.size * 255**2)


def bits_at(mse: float, curve: tuple[Array, Array]) -> float | None:
    """Bits at which a curve of bits (Q,) and MSE (Q,) comes to `mse`; None outside of the curve's range of MSE.

    Bits are linear in log MSE between neighbours, as the rate of a Gaussian source is in the log of its distortion
    (Cover and Thomas 2006, theorem 10.3.2). Where more bits give a larger error, the fewest bits count that reach an
    error as small. An MSE under 1e-10 counts as 1e-10.
    """
    wanted, errors = max(mse, LEAST_MSE), np.maximum(curve[1], LEAST_MSE)
    order = np.lexsort((curve[0], errors))  # by error, then by bits
    if not (len(order) and errors[order[0]] <= wanted <= errors[order[-1]]):
        return None
    distinct, first = np.unique(errors[order], return_index=True)
    fewest = np.minimum.accumulate(curve[0][order])[first]
    return float(np.interp(np.log(wanted), np.log(distinct), fewest))


def _jpeg(picture: Image.Image, image: Array, quality: int) -> tuple[int, int]:
    """Bytes of a picture's file, and the sum of the squared errors of its pixels, in steps of 1/255."""
    file = _file(picture, "JPEG", quality=quality, subsampling="4:2:0", optimize=True, progressive=False)
    with Image.open(io.BytesIO(file)) as opened:
        error = image.astype(np.int64) - np.asarray(opened).reshape(image.shape)
    return len(file), int((error**2).sum())


def _picture(image: Array) -> Image.Image:
    if image.shape[-1] not in (1, 3):
        raise ValueError(f"{image.shape[-1]} channels")
    return Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image)


def _file(picture: Image.Image, kind: str, **options: object) -> bytes:
    with io.BytesIO() as file:
        picture.save(file, kind, **options)
        return file.getvalue()
