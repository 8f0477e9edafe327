"""What a measurement was made on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("tensorflow", "keras", "torch", "numpy")


def describe(threads: int) -> dict[str, Any]:
    """CPU, cores, threads in use and versions, as plain values."""
    return {"cpu": _cpu(), "cores": os.cpu_count(), "threads": threads, "versions": _versions()}


def sentence(machine: dict[str, Any]) -> str:
    """A description in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; {versions}."


def _cpu() -> str:
    information = Path("/proc/cpuinfo")  # Linux only
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return " ".join(names[0].split()) if names else platform.machine()


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # torch is optional
            continue
    return found
