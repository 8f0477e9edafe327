"""Numbers and files as text that stands in a page: 4 bytes become 5 letters."""

import base64
import json
from typing import Any

import deflate
import numpy as np

from latentlab.storage.memory import Array

STEPS = 2**16 - 1
LEVEL = 12  # the highest
LEFT_OUT, IN_ITS_PLACE = "<", "."  # which begins a tag; a full stop is no letter of Python's base85


def deflated(text: str) -> str:
    """Text as the letters of a zlib stream, by libdeflate: what Python's zlib gives depends on how it was built."""
    return letters(bytes(deflate.zlib_compress(text.encode(), LEVEL)))


def letters(content: bytes) -> str:
    """Bytes in base85 with Python's alphabet, but for `<`; up to three zeros follow them."""
    text = base64.b85encode(content + bytes(-len(content) % 4)).decode()
    return text.replace(LEFT_OUT, IN_ITS_PLACE)


def counts(values: Array) -> dict[str, Any]:
    """Whole numbers from 0, of any shape, in as few bytes each as the largest one asks for."""
    return _whole(values, next(bits for bits in (8, 16, 32) if values.max(initial=0) < 2**bits))


def steps(values: Array) -> dict[str, Any]:
    """Real numbers (n,), each as the nearest of 65,536 between the smallest and the largest one.

    What is no number, or infinite, becomes the nearest that is one.
    """
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    shares = (np.nan_to_num(values, nan=high, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    return {"low": low, "high": high, **_whole(np.rint(shares * STEPS), 16)}


def _whole(values: Array, bits: int) -> dict[str, Any]:
    return {"bits": bits, "count": values.size, "letters": letters(values.astype(f"<u{bits // 8}").tobytes())}


def for_script(content: Any) -> str:
    """Plain values as JSON that a script element may hold: no tag ends or begins in it."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
