"""JSON files: nested plain values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested plain values; floats get six significant digits, which is more than any of them deserves."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_rounded(content), indent=2, allow_nan=False) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object. Raises `UserError`."""
    with reading(path, ValueError):
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}")
        return content
