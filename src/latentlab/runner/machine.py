"""What this machine gives this process: cores and memory, as affinity and control groups limit them."""

from collections.abc import Iterator
from pathlib import Path

import joblib
import psutil

from latentlab.runner.scheduler import Room

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
# version 2 and version 1 of control groups: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}


def whole_machine() -> Room:
    """All that this process may use. joblib looks at affinity and at the quota of control groups."""
    return Room(max(1, joblib.cpu_count()), min([psutil.virtual_memory().total, *memory_limits()]))


def memory_limits(own: Path = OWN, groups: Path = CGROUPS) -> Iterator[int]:
    """Bytes that the control groups of this process, and those around them, allow."""
    for controllers, path in _groups(own):
        for controller in controllers:
            if controller in LIMITS:
                inner = groups / controller / path
                outer = [each for each in inner.parents if each.is_relative_to(groups / controller)]
                for group in (inner, *outer):
                    yield from _number(group / LIMITS[controller])


def _groups(own: Path) -> Iterator[tuple[list[str], str]]:
    """Controllers and path of each group: lines such as `4:memory:/a/b`, or `0::/a/b` in version 2."""
    try:
        lines = own.read_text().splitlines()
    except OSError:  # a system without control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield controllers.split(","), path.lstrip("/")


def _number(path: Path) -> Iterator[int]:
    try:
        text = path.read_text().strip()
    except OSError:
        return
    if text.isdecimal():  # version 2 says `max` where there is no limit
        yield int(text)
