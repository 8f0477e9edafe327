"""One image file: PNG, JPEG or TIFF, in colour or grey."""

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentlab.errors import UserError
from latentlab.storage.memory import Array

ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
Colour = Literal["grey", "rgb"]
MODES = {"grey": "L", "rgb": "RGB"}


def read_image(file: Path, colour: Colour, size: tuple[int, int] | None) -> Array:
    """One image (H, W, C) uint8, upright, scaled to the `size` (height, width). Raises `UserError`."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened)
            image = _eight_bits(upright).convert(MODES[colour])
    except Image.DecompressionBombError:
        raise UserError(
            f"{file}: more than {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels, taken for a decompression bomb"
        ) from None
    except UnidentifiedImageError:
        raise UserError(f"{file}: no image that can be read, whatever its name says") from None
    except Exception as error:  # a damaged file makes Pillow raise errors of many kinds
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UserError(f"{file}: cannot be read, damaged or truncated ({reason})") from None
    if size:
        height, width = size
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image.height, image.width, -1)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image with 8 bits a channel: Pillow would cut those of 16 bits off."""
    if image.mode.startswith("I"):
        return Image.fromarray(np.rint(np.asarray(image, np.float64).clip(0, 65535) / 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels, allowed: 8 or 16 bits")
    return image
