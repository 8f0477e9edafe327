"""The study `tiny`, all variants of it, made twice: `verify` finds the same bytes."""

from pathlib import Path

import pytest

from latentlab.config import params
from latentlab.runner.reproduce import reproduce
from latentlab.verify.report import Verdict
from latentlab.verify.run import verify
from tests.conftest import ROOT, commit, make_clone


@pytest.mark.slow
def test_every_stage_of_every_variant_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = list(params.load(ROOT / "studies/tiny/params.yaml").variants)
    make_clone(tmp_path, monkeypatch, variants)
    reproduce(jobs=2)
    commit("results")
    report = verify([], jobs=2)
    assert {stage.stage: stage.verdict for stage in report.stages if stage.verdict is not Verdict.MATCH} == {}
    assert len(report.stages) == 4 + 5 * len(
        variants
    )  # prepare, classifier, references, compare, and five of each variant
    assert report.exit_code == 0
