"""The raw measurements: a JSON file that runs of some variants and some ways add to."""

import json
from pathlib import Path
from typing import Any

from latentlab.storage.replacing import replacing

DEFAULT = Path("tmp/benchmarks.json")

Record = dict[str, Any]  # images, seconds (a list, one for each epoch of so many images), peak_mib
Raw = dict[str, Any]  # machine (see benchmarks.machine), and variants: name -> way -> record


def load(path: Path) -> Raw:
    """What has been measured."""
    content: Raw = json.loads(path.read_text())
    return content


def to_extend(path: Path, machine: dict[str, Any]) -> Raw:
    """What earlier runs have measured, if any. Exits if that was on another machine or with other settings."""
    if not path.exists():
        return {"machine": machine, "variants": {}}
    content = load(path)
    if content["machine"] != machine:
        raise SystemExit(f"{path}: measured with other hardware, threads or versions; move it away or use another file")
    return content


def write(path: Path, content: Raw) -> None:
    """Write all of `content`; a reader never sees half of it."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
