"""kill -9 at random moments, of the runner and of a stage: nothing stays alive, nothing is repeated or differs.

By hand with TensorFlow, else with stand-ins.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import stages_in_lock
from tests.clones import SECOND, put_standins
from tests.conftest import make_clone, run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="other systems end less")]

BY_HAND = "LATENTLAB_KILLS"  # how many of each kind, 10 say, on a machine with nothing else to do
KILLS = int(os.environ.get(BY_HAND, "2"))
GONE = 3.0 if BY_HAND in os.environ else 20.0  # seconds until all are gone; other tests run beside
LONGEST = 14.0 if BY_HAND in os.environ else 8.0  # seconds until a kill: about what a whole run takes
WRITTEN = ("data/prepared", "data/latents", "data/decoded", "data/embeddings", "models", "metrics", "plots", "plan")
RUN = ["latentlab", "reproduce", "-j", "2"]


@pytest.fixture(scope="module", autouse=True)
def clone(tmp_path_factory: pytest.TempPathFactory, database: bytes) -> Iterator[Path]:
    """A clone with two variants."""
    root = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        make_clone(root, patch, ["simple", "conv"])
        if BY_HAND not in os.environ:
            put_standins()
            Path("params.yaml").write_text(Path("params.yaml").read_text() + SECOND)
        (root / "mlflow.db").write_bytes(database)
        patch.setenv("LATENTLAB_CHECKPOINT_SECONDS", "0")
        yield root


@pytest.fixture(scope="module")
def whole(clone: Path) -> dict[str, str]:
    """The files of a run that nobody disturbs."""
    assert ended_stages(run(*RUN)) == set(stages_in_lock()) - {"plan"}
    return hashes(clone)


def hashes(root: Path) -> dict[str, str]:
    return {name: md5(root / name) for name in WRITTEN}


def forget(root: Path) -> None:
    """All that stages have made, and that DVC knows of it."""
    for name in (*WRITTEN, ".dvc/cache", ".dvc/tmp", "checkpoints"):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "dvc.lock").unlink(missing_ok=True)


def below(runner: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return list(psutil.Process(runner.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def ended_stages(printed: str) -> set[str]:
    """Stages that have ended well, by the line that each ends with."""
    return set(re.findall(r"^(\S+@?\S*): (?!plan:).* \([\d.]+ s\)$", printed, re.MULTILINE)) - {"plan"}


@pytest.mark.parametrize("victim", ["runner", "stage"])
def test_whatever_is_killed_the_next_call_goes_on(clone: Path, whole: dict[str, str], victim: str) -> None:
    rng = random.Random(victim)
    forget(clone)
    for _ in range(KILLS):
        if set(stages_in_lock()) >= {"track"}:
            forget(clone)
        before = set(stages_in_lock())
        runner = subprocess.Popen(
            RUN, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        moment = time.monotonic() + rng.uniform(0.5, LONGEST)
        while time.monotonic() < moment and runner.poll() is None:
            time.sleep(0.01)
        all_of_it = below(runner)
        if victim == "runner":
            runner.kill()
        elif stages := [each for each in all_of_it if not each.children()]:
            rng.choice(stages).send_signal(signal.SIGKILL)
        printed = runner.communicate(timeout=120)[0]
        _, alive = psutil.wait_procs(all_of_it, timeout=GONE if victim == "runner" else 30)
        assert not alive, [each.cmdline() for each in alive]
        assert "Traceback" not in printed
        assert not before & ended_stages(printed)  # what had ended is not repeated
    run(*RUN)
    assert hashes(clone) == whole
    assert run(*RUN).splitlines()[-2:] == ["everything is up to date", "page: report/index.html"]
    assert list((clone / "checkpoints").glob("*")) == []
