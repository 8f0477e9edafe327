"""TensorFlow is imported without what it has no use for here, and that can be imported afterwards."""

import subprocess
import sys

import pytest

from latentlab.numerics.tensorflow import OPTIONAL

SCRIPT = """
import importlib, json, sys
before, names = sys.argv[1], sys.argv[2:]
kept = importlib.import_module(before)
from latentlab.numerics.tensorflow import import_tensorflow
import_tensorflow()
assert sys.modules["keras"] and sys.modules["tensorflow"] and sys.modules[before] is kept
print(*(name for name in names if name in sys.modules))
for name in names:
    assert importlib.import_module(name).__name__ == name
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", ["json", "matplotlib"])
def test_what_keras_would_import_besides_is_left_alone(before: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, before, *OPTIONAL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name for name in OPTIONAL if name == before]
