"""Fingerprints of code: what does something counts, in every version of Python alike, and nothing else does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from latentlab.errors import UserError
from latentlab.pipeline.code import NOT_COUNTED, PACKAGE, code_of, fingerprint
from tests.conftest import ROOT

SOURCE = '''"""A module."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


class Options:
    """Options."""

    size: int = 3


def scaled(x: float, by: float = 2.0) -> float:
    """Scale."""
    # why
    return x * by
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# because"),
        ('"""Scale."""', '"""Scale by a factor."""'),
        ('"""A module."""\n', ""),
        ('    """Options."""\n\n', ""),
        ("    import keras", "    import keras\n    import tensorflow"),
        ("\n\n\ndef", "\n\n\n\n\ndef"),
        ("x * by", "(x * by)"),
        ("2.0", "2.00"),
    ],
)
def test_what_does_nothing_does_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert fingerprint(SOURCE.replace(old, new)) == fingerprint(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x * by", "x / by"),
        ("x * by", "by * x"),
        ("2.0", "2"),
        ("size: int = 3", "size: float = 3"),
        ("size: int = 3", "size: int"),
        ("size: int", "width: int"),
        ("import numpy as np", "import numpy"),
        ("def scaled", "async def scaled"),
        ("return x", "yield x"),
        ("from typing import TYPE_CHECKING", 'from typing import TYPE_CHECKING\n\n"text"'),
    ],
)
def test_what_does_something_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert fingerprint(SOURCE.replace(old, new)) != fingerprint(SOURCE)


def test_a_constant_of_none_is_not_one_that_is_missing() -> None:
    texts = ["x = None", "x = 0", "x = ''", "x = []", "x: None", "def f(x=None): pass", "def f(x): pass"]
    assert len({fingerprint(text) for text in texts}) == len(texts)


FOLDERS = (*(Path(folder) for folder in os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin"))
OTHERS = [str(path) for folder in FOLDERS for path in sorted(folder.glob("python3.1[123]"))]


@pytest.mark.slow
@pytest.mark.parametrize("python", OTHERS)
def test_every_file_has_the_same_fingerprint_in_every_python(python: str) -> None:
    files = sorted(str(path) for path in PACKAGE.rglob("*.py"))
    script = (
        PACKAGE / "pipeline/code.py"
    ).read_text() + "\nimport sys\nprint(*map(file_fingerprint, map(Path, sys.argv[1:])))"
    done = subprocess.run([python, "-c", f"__file__ = '/a/b/c'\n{script}", *files], capture_output=True, text=True)
    if "No module named" in done.stderr or "not found" in done.stderr:
        pytest.skip(done.stderr.strip())
    expected = [fingerprint(Path(file).read_text()) for file in files]
    assert done.stdout.split() == expected, done.stderr


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, to be changed at will."""
    shutil.copytree(PACKAGE, tmp_path / "src/latentlab", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src/latentlab"


ROOTS = {
    "prepare": ["stages/prepare", "datasets/mnist_5k"],
    "train": ["stages/train", "models/conv"],
    **{
        stage: [f"stages/{stage}"]
        for stage in ("classifier", "references", "extract", "tsne", "evaluate", "plot", "compare", "report", "track")
    },
}


def changed_stages(package: Path, name: str, old: str, new: str) -> set[str]:
    """Stages whose code is another one after an edit."""
    before = {stage: code_of(roots, package) for stage, roots in ROOTS.items()}
    path = package / name
    text = path.read_text()
    assert old in text, name
    path.write_text(text.replace(old, new))
    return {stage for stage, roots in ROOTS.items() if code_of(roots, package) != before[stage]}


@pytest.mark.parametrize(
    ("name", "old", "new", "stages"),
    [
        ("storage/npz.py", '"""Write named arrays, uncompressed."""', '"""Write arrays."""', set()),
        (
            "storage/npz.py",
            "2**20",
            "2**19",
            {"prepare", "classifier", "references", "train", "extract", "evaluate", "plot", "compare", "report"},
        ),
        ("figures/losses.py", "alpha=0.3", "alpha=0.4", {"plot"}),
        ("figures/bars.py", "fontsize=8", "fontsize=9", {"compare"}),
        ("models/conv.py", "(16, 8, 8)", "(16, 8, 4)", {"train"}),
        ("models/vae.py", "512", "256", set()),
        ("figures/thumbnails.py", "SIDE = 64", "SIDE = 32", {"extract", "report"}),
        ("report/page.js", "epoch", "epochs", {"report"}),
        ("networks/layers.py", '"crop"', '"cut"', {"train", "classifier"}),
        ("networks/codes.py", "REACH = 3.0", "REACH = 2.0", {"extract"}),
        ("training/losses.py", "1e-7", "1e-6", {"train"}),
        ("metrics/detectors.py", "2000", "2001", {"references"}),
        ("metrics/latent.py", "0.01", "0.02", {"evaluate"}),
        ("numerics/tensorflow.py", '"3"', '"2"', {"classifier", "train", "extract"}),
        ("datasets/mnist_5k.py", "28, 28, 1", "28, 1, 28", {"prepare"}),
        ("sources/dataset.py", "SPLITS = 3", "SPLITS = 2", {"prepare"}),
        ("tracking/mirror.py", "EXAMPLES = 3", "EXAMPLES = 4", set()),
        ("config/variants.py", 'RESERVED = ("prepare"', 'RESERVED = ("x", "prepare"', set()),
        ("errors.py", "Exception", "ValueError", set()),
    ],
)
def test_an_edit_changes_the_stages_that_it_can_affect(
    package: Path, name: str, old: str, new: str, stages: set[str]
) -> None:
    assert changed_stages(package, name, old, new) == stages


@pytest.mark.parametrize(("content", "fault"), [(b"def (:", "line 1: "), (b"\xff", "no text")])
def test_a_file_that_is_no_python_is_named(package: Path, content: bytes, fault: str) -> None:
    (package / "figures/bars.py").write_bytes(content)
    with pytest.raises(UserError, match=rf"figures/bars\.py: {fault}"):
        code_of(ROOTS["compare"], package)


def test_an_import_inside_a_function_counts(package: Path) -> None:
    (package / "figures/new.py").write_text("X = 1\n")
    old, new = "def main_metrics", "def used() -> None:\n    from latentlab.figures import new\n\n\ndef main_metrics"
    assert changed_stages(package, "stages/compare.py", old, new) == {"compare"}
    assert "src/latentlab/figures/new.py" in code_of(ROOTS["compare"], package)


def test_files_that_are_not_python_count_in_a_room_that_is_reached(package: Path) -> None:
    before = {stage: code_of(roots, package) for stage, roots in ROOTS.items()}
    (package / "figures/style.json").write_text("{}")
    (package / "figures/.hidden").write_text("x")
    after = {stage: code_of(roots, package) for stage, roots in ROOTS.items()}
    assert {stage for stage in ROOTS if before[stage] != after[stage]} == {
        "prepare",
        "extract",
        "plot",
        "compare",
        "report",
    }
    assert set(after["plot"]) - set(before["plot"]) == {"src/latentlab/figures/style.json"}


def test_every_module_that_a_stage_loads_is_counted_or_on_the_list() -> None:
    """Modules that real stages load, those that the list in code.py leaves out aside, are in their plans."""
    script = "import sys; from latentlab.stages import evaluate, plot; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.replace(".", "/") for name in done.stdout.split() if name.split(".")[0] == "latentlab"}
    counted = {*code_of(["stages/evaluate"]), *code_of(["stages/plot"])}
    files = {f"src/{name}.py" if (ROOT / f"src/{name}.py").exists() else f"src/{name}/__init__.py" for name in loaded}
    left_out = tuple(f"src/latentlab/{name}" for name in NOT_COUNTED)
    below_config = {"src/latentlab/storage/yaml.py", "src/latentlab/storage/replacing.py"}  # which config and plans use
    assert {file for file in files - counted - below_config if not file.startswith(left_out)} == set()
