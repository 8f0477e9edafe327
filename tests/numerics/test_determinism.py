"""Two processes in two folders give the same bytes with two threads, whatever the number of cores.

That one thread does is seen where `verify` makes the tiny study again (tests/verify/test_tiny.py).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys
os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})
from latentlab.stages import classifier, evaluate, extract, plan, plot, prepare, train, tsne
plan.main()
prepare.main()
classifier.main()
for stage in (train, extract, tsne, evaluate, plot):
    stage.main(sys.argv[2])
"""


def results(folder: Path, variant: str, cores: set[int]) -> dict[str, bytes]:
    folder.mkdir()
    text = (ROOT / "studies/tiny/params.yaml").read_text().replace("threads: 1", "threads: 2")
    (folder / "params.yaml").write_text(text)
    subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(map(str, cores)), variant],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "params.yaml"
    }


def test_same_bytes(tmp_path: Path) -> None:
    everywhere = os.sched_getaffinity(0)
    variant = "denoise"  # convolutions are where the number of threads shows
    one = results(tmp_path / "one", variant, everywhere)
    other = results(tmp_path / "other", variant, {min(everywhere)})
    assert one.keys() == other.keys()
    assert len(one) > 15
    assert [name for name in one if one[name] != other[name]] == []
