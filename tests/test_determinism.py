"""Two processes in two folders give the same bytes, with one thread and with two, whatever the number of cores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

VARIANTS = ("simple", "denoise", "lstm", "vae_conv")
SCRIPT = f"""
from latentlab import compare, evaluate, extract, plot, prepare, train, tsne
prepare.main()
for variant in {VARIANTS!r}:
    for stage in (train, extract, tsne, evaluate, plot):
        stage.main(variant)
"""


def results(folder: Path, threads: int, cores: set[int]) -> dict[str, bytes]:
    folder.mkdir()
    text = (ROOT / "studies/tiny.yaml").read_text().replace("threads: 1", f"threads: {threads}")
    (folder / "params.yaml").write_text(text)
    subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {cores!r})\n{SCRIPT}"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "params.yaml"
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bytes(tmp_path: Path, threads: int) -> None:
    everywhere = os.sched_getaffinity(0)
    one = results(tmp_path / "one", threads, everywhere)
    other = results(tmp_path / "other", threads, {min(everywhere)})
    assert one.keys() == other.keys()
    assert len(one) > 9 * len(VARIANTS)
    assert [name for name in one if one[name] != other[name]] == []
