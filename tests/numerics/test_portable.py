"""`numerics: portable`: the same arithmetic whatever a user's environment says, and no kernel that CPUs disagree on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentlab.numerics import portable
from latentlab.numerics.portable import PORTABLE, set_switches
from latentlab.pipeline.provenance import cpu
from tests.conftest import ROOT

# of an Intel Xeon with AMX (48 KiB of L1 data cache), and of qemu's Haswell, EPYC and Icelake-Server
CLASSES = {"TensorFlow": "portable 3545eabaebde", "numpy, scipy, scikit-learn and openTSNE": "portable a69afadeee10"}
TRIED = ("Intel",)
INTERFERING = {
    "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4",
    "OPENBLAS_CORETYPE": "Nehalem",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def run(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=os.environ | variables, capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def machine(*options: str, **variables: str) -> dict[str, Any]:
    code = (
        "import sys; from latentlab.cli import run; sys.argv = ['latentlab', 'machine', '--json', *sys.argv[1:]]; run()"
    )
    found: dict[str, Any] = json.loads(run("-c", code, *options, **variables))
    return found


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    return machine()


@pytest.mark.slow
def test_the_class_is_that_of_other_cpus(here: dict[str, Any]) -> None:
    if here["classes"] != CLASSES and not cpu().startswith(TRIED):
        pytest.xfail(f"{cpu()}: was not tried yet, and is of the classes {here['classes']}")
    assert here["classes"] == CLASSES


@pytest.mark.slow
def test_a_users_switches_change_nothing(here: dict[str, Any]) -> None:
    assert machine(**INTERFERING)["kernels"] == here["kernels"]


@pytest.mark.slow
def test_native_leaves_the_cpu_what_it_has(here: dict[str, Any]) -> None:
    native = machine("--native", **INTERFERING)
    assert all(name.startswith("native ") for name in native["classes"].values())
    assert native == machine("--native")  # a user's switches are cleared here, too
    if "avx512f" in here["machine"]["platform.instructions"]:
        assert native["kernels"] != here["kernels"]


@pytest.mark.slow
def test_other_sizes_of_caches_would_be_noticed(here: dict[str, Any]) -> None:
    code = """
import json, sys
from latentlab.numerics import caches, portable
portable.set_switches("portable")
caches.SIZES = (48 * 2**10, 2 * 2**20, 480 * 2**20)
from latentlab.numerics.tensorflow import start_tensorflow
start_tensorflow(0, 1)
from latentlab.numerics import fingerprint
print(json.dumps(fingerprint.of_tensorflow()))
"""
    found = json.loads(run("-c", code))
    ours = here["kernels"]["TensorFlow"]
    assert {name for name in ours if ours[name] != found[name]} == {"product of a transposed, XLA"}


def test_switches_are_set_and_what_interferes_is_cleared() -> None:
    environment = {"PATH": "/bin", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2", **INTERFERING}
    set_switches("portable", environment)
    assert environment == {"PATH": "/bin", **portable.BOTH, **PORTABLE}
    set_switches("native", environment)
    assert environment == {"PATH": "/bin", **portable.BOTH}


def test_other_architectures_have_no_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    environment: dict[str, str] = {}
    set_switches("portable", environment)
    assert environment == portable.BOTH
    assert portable.in_force() == "native"


def test_the_tests_run_under_it() -> None:
    found = np.show_config(mode="dicts")["SIMD Extensions"]
    assert portable.in_force() == "portable"
    assert set(PORTABLE["NPY_DISABLE_CPU_FEATURES"].split()) <= set(found["not found"])


@pytest.mark.parametrize("numerics", ["portable", "native"])
def test_a_stage_sets_what_its_plan_says_before_numpy_is_there(numerics: str, tmp_path: Path) -> None:
    (tmp_path / "plan").mkdir()
    plan = {"parameters": {"numerics": numerics}, "code": {}, "libraries": {}}
    (tmp_path / "plan/train@simple.json").write_text(json.dumps(plan))
    code = f"""
import os, sys
sys.argv, sys.orig_argv = ["-m", "simple"], ["python", "-m", "latentlab.stages.train", "simple"]
os.chdir({str(tmp_path)!r})
os.environ["ONEDNN_MAX_CPU_ISA"] = "SSE41"
import latentlab.stages
print("numpy" in sys.modules, os.environ.get("ONEDNN_MAX_CPU_ISA"))
"""
    assert run("-c", code).split() == ["False", "AVX2" if numerics == "portable" else "None"]
