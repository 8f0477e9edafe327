"""What a measurement was made on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from latentlab.pipeline.provenance import cpu

LIBRARIES = ("tensorflow", "keras", "torch", "numpy")


def describe(threads: int) -> dict[str, Any]:
    """CPU, cores, threads in use and versions, as plain values."""
    return {"cpu": cpu(), "cores": os.cpu_count(), "threads": threads, "versions": _versions()}


def sentence(machine: dict[str, Any]) -> str:
    """A description in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; {versions}."


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # torch is optional
            continue
    return found
