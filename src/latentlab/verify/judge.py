"""The verdict on each stage, in the order of the graph: what differs first is explained, what comes after is not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.lock import hashes
from latentlab.storage.json import read_json
from latentlab.verify import causes
from latentlab.verify.causes import Cause
from latentlab.verify.contents import Contents
from latentlab.verify.outputs import Entry, FileReport, compare_outputs, edited_metrics
from latentlab.verify.report import StageReport, Verdict

DRAWN = "drawn from numbers that are within tolerance"
SHOWN = (".png", ".svg", ".md", ".html")  # files that show numbers of others


@dataclass
class Judge:
    """`old` and `new` are the entries of dvc.lock, committed and made again; `study` is where they were made again.

    `plan_of` gives the text of the plan of a stage that has an MD5, as far as git has it.
    """

    old: Mapping[str, Entry]
    new: Mapping[str, Entry]
    contents: Contents
    study: Path
    plan_of: Callable[[str, str], str | None]
    done: dict[str, StageReport] = field(default_factory=dict)

    def judge(self, name: str) -> StageReport:
        """The report on a stage; those before it have theirs."""
        report = self._compared(name) if name in self.old else StageReport(name, Verdict.NOT_RECORDED)
        self.done[name] = report
        return report

    def _compared(self, name: str) -> StageReport:
        old, new = self.old[name], self.new[name]
        files = compare_outputs(old, new, self.contents, self.study)
        edited = edited_metrics(old, new, self.contents, self.study)
        plan = self._plan_causes(name)
        others = self._other_inputs(old, new)
        before = self._made_by(others)
        if before and not plan and all(self.done[each].verdict is Verdict.WITHIN for each in before):
            files = [file.excuse(DRAWN) if file.file.endswith(SHOWN) else file for file in files]
        verdict = _verdict([*edited, *files])
        found = [Cause(causes.EDITED, [file.words for file in edited])] if edited else []
        if not files:
            return StageReport(name, verdict, found, plan=plan)
        after = self._origins(before)
        if not after:
            found += plan or [self._cause(name, files, others)]
        return StageReport(name, verdict, found, after, files, plan)

    def _plan_causes(self, name: str) -> list[Cause]:
        path = paths.plan(name).as_posix()
        old, new = (hashes(lock[name], "deps").get(path, "") for lock in (self.old, self.new))
        if old == new:
            return []
        return causes.of_plans(name, self.plan_of(path, old), (self.study / path).read_text())

    def _other_inputs(self, old: Entry, new: Entry) -> list[str]:
        """Dependencies that are not what they were, plans aside."""
        ours, theirs = hashes(old, "deps"), hashes(new, "deps")
        names = [*theirs, *(each for each in ours if each not in theirs)]
        return [each for each in names if ours.get(each) != theirs.get(each) and not _is_plan(each)]

    def _made_by(self, inputs: list[str]) -> list[str]:
        """Stages that differ and have outputs among inputs, which may be folders of them."""
        return [
            name
            for name, report in self.done.items()
            if report.files and any(_overlap(path, output) for path in inputs for output in self._outputs(name))
        ]

    def _outputs(self, name: str) -> Iterator[str]:
        ours, theirs = hashes(self.old[name], "outs"), hashes(self.new[name], "outs")
        yield from (path for path in ours if ours[path] != theirs.get(path))

    def _origins(self, before: list[str]) -> list[str]:
        """Where the chains begin that led to these stages."""
        return list(dict.fromkeys(each for name in before for each in self.done[name].after or [name]))

    def _cause(self, name: str, files: list[FileReport], others: list[str]) -> Cause:
        _, _, variant = name.partition("@")
        if name == "classifier":  # trained as variants are, on the same machine
            variant = next((each.partition("@")[2] for each in self.old if each.startswith("train@")), "")
        old, new = self.numerics(variant) if variant else (None, None)
        prepared = causes.of_prepared([file.file for file in files]) if name == "prepare" else None
        return (
            causes.of_data(others)
            or prepared
            or causes.of_numerics(old, new)
            or causes.of_chance(old, new, has_class=bool(variant))
        )

    def numerics(self, variant: str) -> tuple[str | None, str | None]:
        """The numerical class of a variant's committed result, and of that which was made again, as far as known."""
        path = paths.training(variant)
        recorded = hashes(self.old.get(f"train@{variant}", {}), "outs").get(path.as_posix(), "")
        kept = self.contents.find(recorded, path.as_posix()) if recorded else None
        metrics = _read(self.contents.committed / paths.metrics(variant)).get("training")
        in_metrics = metrics.get("numerics") if isinstance(metrics, dict) else None
        return _text(in_metrics) or _text(_read(kept).get("numerics")), _text(_read(self.study / path).get("numerics"))


def _verdict(files: list[FileReport]) -> Verdict:
    if not files:
        return Verdict.MATCH
    return Verdict.WITHIN if all(file.within for file in files) else Verdict.DIFFERS


def _is_plan(path: str) -> bool:
    return PurePosixPath(path).is_relative_to(paths.PLANS.as_posix())


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _read(path: Path | None) -> dict[str, Any]:
    """The content of a JSON file; nothing if there is none, or if it is damaged."""
    try:
        return read_json(path) if path else {}
    except UserError:
        return {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
