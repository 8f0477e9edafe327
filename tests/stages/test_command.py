"""What a stage prints, and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from latentlab.errors import UserError
from latentlab.stages import _command


def test_a_stage_prints_its_summary_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def good(variant: str) -> str:
        return f"did {variant}"

    def bad() -> str:
        raise UserError("file: damaged")

    _command.run_checked(good, "plan", ["simple"])
    assert capsys.readouterr().out.startswith("did simple (0.0 s)")
    with pytest.raises(SystemExit, match="1"):
        _command.run_checked(bad, "plan", [])
    assert capsys.readouterr().err == "error: file: damaged\n"


def test_a_wrong_number_of_arguments_says_how_to_use_a_stage(project: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "latentlab.stages.tsne"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: python -m latentlab.stages.tsne VARIANT\n")
