"""The study `tiny`, all variants of it, made twice: `verify` finds the same bytes."""

from pathlib import Path

import pytest

from latentlab.config import params, paths
from latentlab.verify.report import Verdict
from latentlab.verify.run import verify
from tests.conftest import enter_copy


@pytest.mark.slow
def test_every_stage_of_every_variant_matches(
    tiny_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_copy(tiny_results, tmp_path, monkeypatch)
    report = verify([], jobs=2)
    assert {stage.stage: stage.verdict for stage in report.stages if stage.verdict is not Verdict.MATCH} == {}
    shared = ("prepare", "classifier", "references", "compare", "report")
    assert len(report.stages) == len(shared) + 5 * len(params.load(paths.PARAMS).variants)
    assert report.exit_code == 0
