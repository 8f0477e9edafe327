"""Why a stage made something else: what its plan, its data and the machine say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from latentlab.errors import UserError
from latentlab.pipeline.plan import Plan, differences

PARAMETERS, CODE, LIBRARIES, DATA = "parameters", "code", "libraries", "data"
NUMERICS, CHANCE, EDITED, UNKNOWN_PLAN = "numerical class", "not deterministic", "edited", "plan"
CHANCE_OR_CLASS = f"{CHANCE}, or another {NUMERICS}"
SHOWN = 4  # words in one line


@dataclass(frozen=True)
class Cause:
    """A kind of cause, and what it is in words."""

    kind: str
    words: Sequence[str]

    def __str__(self) -> str:
        more = f" and {len(self.words) - SHOWN} more" if len(self.words) > SHOWN else ""
        return f"{self.kind}: {', '.join(self.words[:SHOWN])}{more}"


def of_plans(name: str, old: str | None, new: str) -> list[Cause]:
    """Parameters, code and libraries that differ between the texts of two plans of the stage `name`.

    `old` is None if nobody knows what the committed result was made from.
    """
    if old == new:
        return []
    try:
        ours, theirs = (Plan.of_text(text or "", f"plan/{name}.json") for text in (old, new))
    except UserError:
        known = "is damaged" if old else "is not what dvc.lock says, nor is it in any commit"
        return [Cause(UNKNOWN_PLAN, [f"plan/{name}.json {known}, so what made the result is unknown"])]
    parts = {
        PARAMETERS: (Plan(ours.parameters, {}, {}), Plan(theirs.parameters, {}, {})),
        CODE: (Plan({}, ours.code, {}), Plan({}, theirs.code, {})),
        LIBRARIES: (Plan({}, {}, ours.libraries), Plan({}, {}, theirs.libraries)),
    }
    return list(_named(parts))


def _named(parts: Mapping[str, tuple[Plan, Plan]]) -> Iterator[Cause]:
    for kind, (one, other) in parts.items():
        if words := list(differences(one.text, other)):
            yield Cause(kind, words)


def of_data(paths: Sequence[str]) -> Cause | None:
    """Input data that is not what dvc.lock says the stage has read, though no stage before it made it another."""
    return Cause(DATA, [f"{path} is not what dvc.lock says" for path in paths]) if paths else None


def of_prepared(files: Sequence[str]) -> Cause | None:
    """For `prepare`, whose raw data and plan are the same: it splits and copies bytes, nothing is computed there."""
    prepared = [file for file in files if file.startswith("data/prepared/")]
    where = "the same raw data, parameters and code give; changed since, or from another source"
    return Cause(DATA, [f"{prepared[0]} is not what {where}"]) if prepared else None


def of_numerics(old: str | None, new: str | None) -> Cause | None:
    """The numerical classes of the committed result and of this machine, if both are known and differ."""
    return Cause(NUMERICS, [f"{old} -> {new}"]) if old and new and old != new else None


def of_chance(old: str | None, new: str | None, has_class: bool) -> Cause:
    """What is left if nothing else is known to differ."""
    same = "parameters, code, libraries and data are the same"
    if old or not has_class:
        return Cause(CHANCE, [same])
    here = f", here it is {new}" if new else ""
    return Cause(CHANCE_OR_CLASS, [f"{same}, the numerical class of the committed result is unknown{here}"])
