"""What a stand-in has used: its parameters, the number in its code, the files that it has read."""

from pathlib import Path
from typing import Any

from latentlab.config.stages import StageParameters, plain
from latentlab.pipeline.used import hashes_of


def note(parameters: StageParameters, level: int, *files: Path) -> dict[str, Any]:
    """In plain values, to be written beside the results. Call it before the files are read."""
    return {"parameters": plain(parameters), "level": level, "files": hashes_of(*files)}
