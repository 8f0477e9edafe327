"""What a machine gives: the limits of control groups count, in both versions."""

from pathlib import Path

import pytest

from latentlab.runner import machine
from latentlab.runner.scheduler import Room


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_limits_of_all_groups_around_the_process(tmp_path: Path) -> None:
    groups = tmp_path / "cgroup"
    write(tmp_path / "own", "0::/outer/inner\n")
    write(groups / "outer/inner/memory.max", "max\n")
    write(groups / "outer/memory.max", "1000\n")
    write(groups / "memory.max", "3000\n")
    assert list(machine.memory_limits(tmp_path / "own", groups)) == [1000, 3000]


def test_limits_of_version_1(tmp_path: Path) -> None:
    groups = tmp_path / "cgroup"
    write(tmp_path / "own", "5:cpu,cpuacct:/\n4:memory:/job\n0::/\n")
    write(groups / "memory/job/memory.limit_in_bytes", "2000\n")
    write(groups / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert min(machine.memory_limits(tmp_path / "own", groups)) == 2000


def test_cores_of_all_groups_around_the_process(tmp_path: Path) -> None:
    groups = tmp_path / "cgroup"
    write(tmp_path / "own", "0::/outer/inner\n")
    write(groups / "outer/inner/cpu.max", "150000 100000\n")
    write(groups / "outer/cpu.max", "max 100000\n")
    write(groups / "cpu.max", "10000 100000\n")
    assert list(machine.core_limits(tmp_path / "own", groups)) == [2, 1]


def test_cores_of_version_1(tmp_path: Path) -> None:
    groups = tmp_path / "cgroup"
    write(tmp_path / "own", "5:cpu,cpuacct:/job/step\n4:memory:/job\n")
    for folder, quota in (("cpu/job/step", -1), ("cpu/job", 300000), ("cpu", -1)):
        write(groups / folder / "cpu.cfs_quota_us", f"{quota}\n")
        write(groups / folder / "cpu.cfs_period_us", "100000\n")
    assert list(machine.core_limits(tmp_path / "own", groups)) == [3]


def test_a_system_without_control_groups(tmp_path: Path) -> None:
    assert list(machine.memory_limits(tmp_path / "none", tmp_path)) == []
    assert list(machine.core_limits(tmp_path / "none", tmp_path)) == []


def test_the_whole_is_the_least_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    monkeypatch.setattr(machine, "memory_limits", lambda: iter([2**20]))
    monkeypatch.setattr(machine, "core_limits", lambda: iter([]))
    assert machine.whole_machine() == Room(3, 2**20)
    monkeypatch.setattr(machine, "core_limits", lambda: iter([4, 2]))
    assert machine.whole_machine() == Room(2, 2**20)
    monkeypatch.undo()
    assert machine.whole_machine().cores >= 1
    assert machine.whole_machine().memory > 10**8
