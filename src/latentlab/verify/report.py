"""What came of it: for each stage, as lines and as JSON."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from latentlab.verify.causes import Cause
from latentlab.verify.difference import Difference, largest
from latentlab.verify.outputs import FileReport


class Verdict(Enum):
    """Of a stage."""

    MATCH = "MATCH"
    WITHIN = "WITHIN TOLERANCE"
    DIFFERS = "DIFFERS"
    FAILED = "FAILED"
    LEFT_OUT = "LEFT OUT"
    NOT_RECORDED = "NOT RECORDED"


UNKNOWN = (Verdict.FAILED, Verdict.LEFT_OUT, Verdict.NOT_RECORDED)
MATCHES, WITHIN_TOLERANCE, SOMETHING_DIFFERS, NOT_VERIFIED = range(4)  # exit codes
WIDTH = max(len(each.value) for each in Verdict)


@dataclass(frozen=True)
class StageReport:
    """A stage: its verdict, why, and its files that are not as they were.

    `after` has the first stages of the chain that differed before it, `plan` what its plan says is not as it was, also
    where that changed nothing, `lines` the last of a stage that failed.
    """

    stage: str
    verdict: Verdict
    causes: list[Cause] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)
    plan: list[Cause] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def epoch(self) -> int | None:
        """The first epoch that differs, of a training."""
        return next((file.found.epoch for file in self.files if file.found and file.found.epoch is not None), None)

    @property
    def layer(self) -> tuple[str, str] | None:
        """The first layer that differs, of a training, and the file that it is in."""
        models = [file for file in self.files if file.found and file.found.layer is not None]
        models.sort(key=lambda file: "encoder" not in file.file)
        return next(((file.found.layer, file.file) for file in models if file.found and file.found.layer), None)

    @property
    def line(self) -> str:
        """All of it in a line."""
        return f"{self.verdict.value.ljust(WIDTH)}  {'; '.join(self._parts())}".rstrip()

    def _parts(self) -> Iterator[str]:
        if self.verdict in UNKNOWN:
            unknown = "dvc.lock has no such stage" if self.verdict is Verdict.NOT_RECORDED else ""
            yield from self.lines[-1:] or filter(None, [unknown])
            return
        if self.after:
            yield f"after {', '.join(self.after)}"
        yield from map(str, self.causes)
        if self.verdict is Verdict.MATCH:
            if self.plan:
                yield f"made from another plan, without effect: {'; '.join(map(str, self.plan))}"
            return
        if self.epoch is not None:
            yield f"from epoch {self.epoch} on"
        if self.layer:
            yield "first in layer {} of {}".format(*self.layer)
        yield from self._files()

    def _files(self) -> Iterator[str]:
        """The file with the largest difference, and those without a size."""
        notes = [file for file in self.files if file.note]
        yield from (file.words for file in notes[:1])
        if len(notes) > 1:
            yield f"{len(notes) - 1} more files differ"
        found = {id(file.found.difference): file for file in self.files if file.found and not file.note}
        most = largest(file.found.difference for file in found.values() if file.found)
        if most:
            yield f"largest difference in {found[id(most)].words}"

    def json(self) -> dict[str, Any]:
        """All of it as plain values."""
        layer = self.layer
        return {
            "stage": self.stage,
            "verdict": self.verdict.value,
            "causes": [_of_cause(cause) for cause in self.causes],
            "after": self.after,
            "epoch": self.epoch,
            "layer": layer and layer[0],
            "files": [_of_file(file) for file in self.files],
            "plan": [_of_cause(cause) for cause in self.plan],
            "lines": self.lines,
        }


@dataclass(frozen=True)
class Report:
    """Of a study at a commit."""

    study: str
    commit: str
    stages: list[StageReport]
    seconds: float
    cpu: str
    numerics: str | None

    @property
    def exit_code(self) -> int:
        """0 if all matches, 1 within tolerance, 2 if something differs, 3 if not all could be verified."""
        verdicts = {stage.verdict for stage in self.stages}
        if verdicts.intersection(UNKNOWN) or not verdicts:
            return NOT_VERIFIED
        if Verdict.DIFFERS in verdicts:
            return SOMETHING_DIFFERS
        return WITHIN_TOLERANCE if Verdict.WITHIN in verdicts else MATCHES

    @property
    def first(self) -> str | None:
        """The first stage that is no match."""
        return next((stage.stage for stage in self.stages if stage.verdict is not Verdict.MATCH), None)

    def lines(self) -> Iterator[str]:
        """A line a stage, and one on the whole."""
        width = max((len(stage.stage) for stage in self.stages), default=0)
        for stage in self.stages:
            yield f"{stage.stage.ljust(width)}  {stage.line}"
            if stage.verdict is Verdict.FAILED:
                yield from (f"    {line}" for line in stage.lines[:-1])
        numerics = f", numerical class {self.numerics}" if self.numerics else ""
        made = f"{self.study} at {self.commit[:7]} made again in {self.seconds:.0f} s on {self.cpu}{numerics}"
        yield f"{self._summary()}: {made}"

    def _summary(self) -> str:
        counts = {verdict: sum(stage.verdict is verdict for stage in self.stages) for verdict in Verdict}
        parts = [f"{count} {verdict.value.lower()}" for verdict, count in counts.items() if count]
        return ", ".join(parts) + (f", first {self.first}" if self.first else "")

    def json(self) -> str:
        """One document."""
        content = {
            "study": self.study,
            "commit": self.commit,
            "exit_code": self.exit_code,
            "first": self.first,
            "seconds": round(self.seconds, 1),
            "machine": {"cpu": self.cpu, "numerics": self.numerics},
            "stages": [stage.json() for stage in self.stages],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def _of_cause(cause: Cause) -> dict[str, Any]:
    return {"kind": cause.kind, "words": list(cause.words)}


def _of_file(file: FileReport) -> dict[str, Any]:
    difference = _of_difference(file.found.difference) if file.found else None
    return {"file": file.file, "within": file.within, "note": file.note or None, "difference": difference}


def _of_difference(found: Difference) -> dict[str, Any]:
    return {
        "place": found.place,
        "old": found.old,
        "new": found.new,
        "size": found.size if math.isfinite(found.size) else None,
        "allowed": found.tolerance.allowed,
        "measure": found.tolerance.measure,
        "excused": found.excused or None,
    }
