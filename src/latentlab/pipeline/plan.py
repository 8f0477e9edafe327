"""What each stage will be made from: `plan/<stage>.json`, a snapshot that nothing but the stage `plan` writes.

DVC reads parameters and hashes dependencies again when a command has ended; an edit that was made meanwhile would be
recorded as if it had been used. A plan stands still, so what is recorded is what was used.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.config import paths, plugins, published
from latentlab.config.params import Params
from latentlab.config.settings import flattened
from latentlab.config.stages import Kind, name_of, parameters_by_stage, plain, typed
from latentlab.errors import UserError, first_of
from latentlab.numerics.portable import Numerics
from latentlab.pipeline.code import code_of
from latentlab.pipeline.libraries import libraries_of
from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing

MAKES = "python -m latentlab.stages.plan"


@dataclass(frozen=True)
class Plan:
    """Parameters by name, fingerprints of source files by path, versions of libraries by name."""

    parameters: Mapping[str, Any]
    code: Mapping[str, str]
    libraries: Mapping[str, str]

    @property
    def text(self) -> str:
        """The file's content."""
        content = {"parameters": self.parameters, "code": self.code, "libraries": self.libraries}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def of_text(cls, text: str, name: str) -> "Plan":
        """A plan from the text of its file. Raises `UserError`."""
        try:
            content = json.loads(text)
            return cls(content["parameters"], content["code"], content["libraries"])
        except (ValueError, TypeError, KeyError):
            raise UserError(f"{name}: damaged; `{MAKES}` makes it anew") from None

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """A plan from its file. Raises `UserError`."""
        with reading(path, UnicodeDecodeError, made_by=MAKES):
            text = path.read_text()
        return cls.of_text(text, str(path))


def make_plans(p: Params, values: tuple[published.Published, ...] | None = None) -> dict[str, Plan]:
    """The plan of each stage of the study in the current folder, by the name that DVC gives it, in their order.

    Published `values` are those of the folder, if none are given.
    """
    if values is None:
        values = published.load(list(p.variants))
    codes: dict[tuple[str, ...], dict[str, str]] = {}
    plans = {}
    for stage, variant, parameters in parameters_by_stage(p, values):
        roots = _roots(stage, variant, p)
        if roots not in codes:
            codes[roots] = code_of(roots)
        libraries = libraries_of(stage, _libraries(stage, variant, p))
        plans[name_of(stage, variant)] = Plan(plain(parameters), codes[roots], libraries)
    return plans


def _libraries(stage: str, variant: str | None, p: Params) -> Sequence[str]:
    """Those that an architecture trains with beside TensorFlow's."""
    if stage != "train" or not variant:
        return ()
    name = p.variants[variant].learning.model
    return getattr(plugins.load("models", name, f"variants.{variant}.model"), "LIBRARIES", ())


def _roots(stage: str, variant: str | None, p: Params) -> tuple[str, ...]:
    """A stage's module, and the one that a parameter names."""
    module = f"stages/{stage}"
    if stage == "train" and variant:
        return module, f"models/{p.variants[variant].learning.model}"
    return (module, f"datasets/{p.prepare.dataset}") if stage == "prepare" else (module,)


def write_plans(plans: Mapping[str, Plan]) -> list[str]:
    """Write those that differ from their files, remove files of stages that are gone; a line for each.

    Raises `UserError` if that cannot be done.
    """
    found = changes(plans)
    for name in found:
        if name not in plans:
            paths.plan(name).unlink()
            continue
        with replacing(paths.plan(name)) as temporary:
            temporary.write_text(plans[name].text)
    return lines(found)


def lines(found: Mapping[str, str]) -> list[str]:
    """A line for each of the `changes`."""
    return [f"{name}: {why}" for name, why in found.items()]


def changes(plans: Mapping[str, Plan]) -> dict[str, str]:
    """Why a file is not as its plan, by the name of the stage; those of stages that are gone come last."""
    found = {}
    for name, plan in plans.items():
        before = _content(paths.plan(name))
        if before != plan.text:
            found[name] = ", ".join(differences(before, plan)) if before else "new"
    gone = {path.stem: "gone" for path in sorted(paths.PLANS.glob("*.json")) if path.stem not in plans}
    return found | gone


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def differences(before: str, plan: Plan) -> Iterator[str]:
    """What is not as it was: parameters and libraries with both values, files by their name."""
    try:
        old = Plan.of_text(before, "")
    except UserError:
        yield "was damaged"
        return
    pairs = {
        **_changed(dict(flattened(old.parameters, ".")), dict(flattened(plan.parameters, "."))),
        **_changed(old.libraries, plan.libraries),
    }
    yield from (f"{name.removeprefix('variant.')} {one} -> {other}" for name, (one, other) in pairs.items())
    yield from (path.removeprefix("src/latentlab/") for path in _changed(old.code, plan.code))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*new, *(name for name in old if name not in new)]
    return {name: (old.get(name, "none"), new.get(name, "none")) for name in names if old.get(name) != new.get(name)}


def read_plan(stage: str, variant: str | None = None) -> Plan:
    """The plan of a stage. Raises `UserError`."""
    return Plan.load(paths.plan(name_of(stage, variant)))


def read_parameters(kind: type[Kind], variant: str | None = None) -> Kind:
    """The parameters of a stage, from its plan. Raises `UserError`."""
    return typed(kind, read_plan(kind.stage, variant).parameters, variant)


def numerics_of(path: Path) -> Numerics | None:
    """What a plan's file says of `numerics`; None if it cannot be read, which is for the stage to tell."""
    try:
        return "native" if Plan.load(path).parameters["numerics"] == "native" else "portable"
    except (UserError, KeyError, TypeError):
        return None


def check_unchanged(stage: str, variant: str | None = None) -> None:
    """Raise `UserError` if code or libraries are not those of the plan any more."""
    plan = read_plan(stage, variant)
    roots = [path.removeprefix("src/latentlab/").removesuffix(".py") for path in plan.code]
    changed = [*_changed(plan.code, code_of(roots)), *_changed(plan.libraries, libraries_of(stage, plan.libraries))]
    if changed:
        raise UserError(f"{first_of(changed)} changed since `plan`; run again")
