"""What this machine gives this process: cores and memory, as affinity and control groups limit them."""

import math
from collections.abc import Iterator
from pathlib import Path

import joblib
import psutil

from latentlab.runner.scheduler import Room

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
# version 2 and version 1 of control groups: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}
QUOTAS = {"": ("cpu.max",), "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us")}


def whole_machine() -> Room:
    """All that this process may use. joblib looks at affinity, and at the quota of the outermost control group."""
    cores = min([joblib.cpu_count(), *core_limits()])
    return Room(max(1, cores), min([psutil.virtual_memory().total, *memory_limits()]))


def memory_limits(own: Path = OWN, groups: Path = CGROUPS) -> Iterator[int]:
    """Bytes that the control groups of this process, and those around them, allow."""
    for controller, group in _groups(own, groups):
        if controller in LIMITS:
            yield from _numbers(group / LIMITS[controller])


def core_limits(own: Path = OWN, groups: Path = CGROUPS) -> Iterator[int]:
    """Cores that they allow: time of them in each period of time, both in microseconds; a part of one counts as one."""
    for controller, group in _groups(own, groups):
        found = [number for name in QUOTAS.get(controller, ()) for number in _numbers(group / name)]
        if len(found) == 2 and found[1]:
            yield math.ceil(found[0] / found[1])


def _groups(own: Path, groups: Path) -> Iterator[tuple[str, Path]]:
    """Controller and folder of each group of this process, and of those around it."""
    for controllers, path in _lines(own):
        for controller in controllers:
            inner = groups / controller / path
            outer = [each for each in inner.parents if each.is_relative_to(groups / controller)]
            for group in (inner, *outer):
                yield controller, group


def _lines(own: Path) -> Iterator[tuple[list[str], str]]:
    """Controllers and path: lines such as `4:memory:/a/b`, or `0::/a/b` in version 2."""
    try:
        lines = own.read_text().splitlines()
    except OSError:  # a system without control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield controllers.split(","), path.lstrip("/")


def _numbers(path: Path) -> Iterator[int]:
    try:
        words = path.read_text().split()
    except OSError:
        return
    yield from (int(word) for word in words if word.isdecimal())  # no limit is `max` in version 2, -1 in version 1
