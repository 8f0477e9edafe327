"""Two processes in two folders give the same bytes, with one thread and with two, whatever the number of cores."""

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
for variant in sys.argv[2:]:
    train.main(variant)
    extract.main(variant)
for stage in (tsne, evaluate, plot):  # arrays alone: one variant will do
    stage.main(variant)
"""


def results(folder: Path, variants: tuple[str, ...], threads: int, cores: set[int]) -> dict[str, bytes]:
    folder.mkdir()
    text = (ROOT / "studies/tiny/params.yaml").read_text().replace("threads: 1", f"threads: {threads}")
    (folder / "params.yaml").write_text(text)
    subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(map(str, cores)), *variants],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "params.yaml"
    }


# convolutions are where the number of threads shows
@pytest.mark.parametrize(("threads", "variants"), [(1, ("lstm",)), (2, ("denoise",))])
def test_same_bytes(tmp_path: Path, threads: int, variants: tuple[str, ...]) -> None:
    everywhere = os.sched_getaffinity(0)
    one = results(tmp_path / "one", variants, threads, everywhere)
    other = results(tmp_path / "other", variants, threads, {min(everywhere)})
    assert one.keys() == other.keys()
    assert len(one) > 6 * len(variants) + 9
    assert [name for name in one if one[name] != other[name]] == []
