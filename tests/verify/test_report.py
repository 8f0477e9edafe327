"""The report: lines, JSON, exit codes, where a chain begins."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from latentlab.pipeline.hashes import md5
from latentlab.storage.json import write_json
from latentlab.verify import causes
from latentlab.verify.causes import Cause
from latentlab.verify.compare import Comparison
from latentlab.verify.contents import Contents
from latentlab.verify.difference import Difference, unmeasured
from latentlab.verify.judge import Judge
from latentlab.verify.outputs import Entry, FileReport
from latentlab.verify.report import Report, StageReport, Verdict
from latentlab.verify.tolerances import ARRAY, PICTURE

MATCH, WITHIN, DIFFERS = Verdict.MATCH, Verdict.WITHIN, Verdict.DIFFERS
FILE = FileReport("a.npz", Comparison(Difference("x[1]", "1", "2", 0.5, ARRAY)))


def report(*verdicts: Verdict) -> Report:
    stages = [StageReport(f"stage{number}", verdict) for number, verdict in enumerate(verdicts)]
    return Report("quick", "0123456789", stages, 1.5, "a CPU", "native")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([MATCH, MATCH], 0),
        ([MATCH, WITHIN], 1),
        ([WITHIN, DIFFERS, MATCH], 2),
        ([DIFFERS, Verdict.FAILED, Verdict.LEFT_OUT], 3),
        ([MATCH, Verdict.NOT_RECORDED], 3),
        ([], 3),
    ],
)
def test_exit_codes(verdicts: Sequence[Verdict], code: int) -> None:
    assert report(*verdicts).exit_code == code


def test_the_last_line_sums_up() -> None:
    assert list(report(MATCH, DIFFERS, MATCH).lines()) == [
        "stage0  MATCH",
        "stage1  DIFFERS",
        "stage2  MATCH",
        "2 match, 1 differs, first stage1: quick at 0123456 made again in 2 s on a CPU, numerical class native",
    ]


def test_a_line_has_the_cause_first_then_the_place() -> None:
    history = FileReport("models/v/history.csv", Comparison(Difference("loss of epoch 2", "1", "2", 0.1), epoch=2))
    models = [
        FileReport(f"models/v/{name}.keras", Comparison(Difference("w", "1", "2", 0.1, ARRAY), layer=layer))
        for name, layer in (("decoder", "out"), ("encoder", "code"))
    ]
    cause = Cause(causes.PARAMETERS, ["epochs 2 -> 3"])
    stage = StageReport("train@v", DIFFERS, [cause], files=[*models, history, FileReport("b", None, "differs; why")])
    assert stage.line == (
        "DIFFERS           parameters: epochs 2 -> 3; from epoch 2 on; first in layer code of models/v/encoder.keras; "
        "b: differs; why; largest difference in models/v/history.csv: loss of epoch 2 1 -> 2, 0.1 absolute"
    )


def test_a_failed_stage_has_its_last_lines() -> None:
    failed = StageReport("train@v", Verdict.FAILED, lines=["one", "error: two"])
    lines = list(replace(report(), stages=[failed, StageReport("plot@v", Verdict.LEFT_OUT)]).lines())
    assert lines[:3] == ["train@v  FAILED            error: two", "    one", "plot@v   LEFT OUT"]


def test_json_has_all_and_is_json() -> None:
    endless = FileReport("b.png", Comparison(unmeasured("pixel", "a", math.nan)))
    stage = StageReport("plot@v", DIFFERS, [Cause("code", ["a.py"])], [], [FILE, endless])
    found = json.loads(replace(report(MATCH), stages=[stage]).json(), parse_constant=pytest.fail)
    assert found["machine"] == {"cpu": "a CPU", "numerics": "native"}
    assert (found["exit_code"], found["first"]) == (2, "plot@v")
    (shown,) = found["stages"]
    assert shown["causes"] == [{"kind": "code", "words": ["a.py"]}]
    assert [file["file"] for file in shown["files"]] == ["a.npz", "b.png"]
    assert shown["files"][0]["difference"]["size"] == 0.5
    assert shown["files"][1]["difference"]["size"] is None


def entry(outs: dict[str, str], deps: dict[str, str]) -> Entry:
    return {
        group: [{"path": path, "md5": value} for path, value in hashes.items()]
        for group, hashes in (("outs", outs), ("deps", deps))
    }


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Three stages in a row, a folder between the last two; nothing of what was committed is here."""
    for name in ("a", "b/x", "c.json"):
        (tmp_path / "study" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "study" / name).write_text("new")
    old = {
        "one": entry({"a": "1"}, {"raw": "1"}),
        "two": entry({"b": "1.dir"}, {"a": "1"}),
        "three": entry({"c.json": "1"}, {"b/x": "1"}),
    }
    contents = Contents(tmp_path / "cache", tmp_path / "committed")
    return Judge(old, dict(old), contents, tmp_path / "study", lambda *_: None)


def test_what_comes_after_is_not_explained(judge: Judge) -> None:
    judge.new = {
        "one": entry({"a": "2"}, {"raw": "1"}),
        "two": entry({"b": "2.dir"}, {"a": "2"}),
        "three": entry({"c.json": "2"}, {"b/x": "2"}),
    }
    one, two, three = (judge.judge(name) for name in judge.old)
    assert [cause.kind for cause in one.causes] == ["not deterministic"]
    assert one.files[0].words == "a: differs; its size is unknown, as the committed file is not here"
    assert (two.causes, two.after) == ([], ["one"])
    assert (three.causes, three.after) == ([], ["one"])


def test_a_stage_that_differs_by_itself_is_explained_though_another_differs(judge: Judge) -> None:
    judge.new = {**judge.old, "one": entry({"a": "2"}, {"raw": "2"}), "three": entry({"c.json": "2"}, {"b/x": "1"})}
    one, two, three = (judge.judge(name) for name in judge.old)
    assert str(one.causes[0]) == "data: raw is not what dvc.lock says"
    assert two.verdict is MATCH
    assert three.after == []
    assert three.causes[0].kind == "not deterministic"


def test_pictures_of_numbers_within_tolerance_are_within(judge: Judge, tmp_path: Path) -> None:
    picture = FileReport("p.png", Comparison(Difference("pixel[0]", "0", "200", 200, PICTURE)))
    assert not picture.within
    assert picture.excuse("why").within
    assert not FileReport("p.png", None, "differs").excuse("why").within


def test_what_the_cache_has_is_believed_if_it_is_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"a": 1})
    value = md5(tmp_path / "file")
    cached = tmp_path / "cache/files/md5" / value[:2] / value[2:]
    cached.parent.mkdir(parents=True)
    contents = Contents(tmp_path / "cache", tmp_path / "committed")
    assert contents.find(value, "metrics/a.json") is None
    cached.write_text("damaged")
    assert contents.find(value, "metrics/a.json") is None
    cached.write_bytes((tmp_path / "file").read_bytes())
    assert contents.find(value, "metrics/a.json") == cached
    assert contents.listing(f"{value}.dir", "plots/a") is None  # no list of files
    assert contents.listing(value, "a") == {"": value}
