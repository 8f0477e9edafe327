"""One training of a sweep: its parameters, and its name among DVC's experiments."""

import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from latentlab.config import params, paths, project
from latentlab.config.variants import LIKE, Variant, variant_blocks, whole_entry
from latentlab.errors import UserError
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.inputs import fingerprint, stages_of
from latentlab.pipeline.plan import Plan, make_plans
from latentlab.storage.yaml import parse_yaml
from latentlab.sweeps.axes import Axis, combinations, value

DIGITS = 6  # of what tells experiments apart whose names say the same
UNSAFE = re.compile(r"[^A-Za-z0-9_.=-]+")  # in the name of a git reference


@dataclass(frozen=True)
class Experiment:
    """The values of the sweep's axes in it, as texts by key, its seed, and two parameter files.

    `whole` is the study's with these values, `alone` has no other variant. `key` is that of all that it is made from.
    """

    variant: str
    setting: Mapping[str, str]
    seed: int
    name: str
    whole: str
    alone: str
    key: str

    @property
    def group(self) -> str:
        """What experiments have in common that differ in the seed alone."""
        return ", ".join(f"{key}={text}" for key, text in self.setting.items())


def experiments(text: str, variant: str, axes: Sequence[Axis], seeds: int) -> list[Experiment]:
    """All of a sweep over the study in the current folder, with this parameter file.

    Raises `UserError` for the first that cannot be.
    """
    p = params.parse(parse_yaml(text, "params.yaml"))
    own = p.variant(variant).own.seed
    first = p.seed if own is None else own
    varied = [axis.key for axis in axes if len(axis.values) > 1]
    found = []
    for setting in combinations(axes):
        values = {key: value(axes, key, each) for key, each in setting.items()}
        for seed in range(first, first + seeds):
            whole = _edited(text, variant, {**values, "seed": seed})
            alone = _reduced(whole, [variant])
            plans = make_plans(params.parse(parse_yaml(alone, "params.yaml")), ())
            key = key_of({stage: plans[name].text for stage, name in stages_of(variant).items()})
            said = [f"{each}={setting[each]}" for each in varied] + [f"seed={seed}"] * (seeds > 1)
            name = UNSAFE.sub("_", "-".join([variant, *said, fingerprint([key, *_where()])[:DIGITS]]))
            whole = _reduced(whole, _different(variant, whole))
            found.append(Experiment(variant, setting, seed, name, whole, alone, key))
    return found


def key_of(plans: Mapping[str, str]) -> str:
    """Of the plans of a variant's stages: parameters, code and libraries."""
    return fingerprint(plans)


def key_in(folder: Path, variant: str) -> str:
    """The same of the plans in the folder of a study. Raises `UserError`."""
    return key_of({stage: Plan.load(folder / paths.plan(name)).text for stage, name in stages_of(variant).items()})


def _where() -> tuple[str, str]:
    """The study, as others may have equal plans, and its own images, which no plan knows."""
    own = any(path.is_file() and path.name != "README.md" for path in paths.RAW.rglob("*"))
    return project.inner_folder().as_posix(), md5(paths.RAW) if own else ""


def _edited(text: str, variant: str, values: Mapping[str, Any]) -> str:
    """A parameter file with other values of a variant, which is like no other any more; comments stay."""
    content = _yaml().load(text)
    entries = content["variants"]
    if LIKE in entries[variant]:
        entries[variant] = whole_entry(variant, parse_yaml(text, "params.yaml")["variants"])
    for key, each in values.items():
        *outer, last = key.split(".")
        block = entries[variant]
        for name in outer:
            if not isinstance(block.setdefault(name, {}), dict):
                raise UserError(f"sweep: found {variant}.{key}, allowed: no key below {name}, which has a value")
            block = block[name]
        block[last] = each
    return _text(content)


def _reduced(text: str, wanted: Collection[str]) -> str:
    """A parameter file without the other variants."""
    content = _yaml().load(text)
    for name in [name for name in content["variants"] if name not in wanted]:
        del content["variants"][name]
    return _text(content)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 120, True
    return yaml


def _text(content: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(content, stream)
    return stream.getvalue()


def _chain(variant: str, text: str) -> list[str]:
    """The variant, the one that it is like, and so on."""
    entries, found = parse_yaml(text, "params.yaml")["variants"], []
    while variant in entries and variant not in found:
        found.append(variant)
        variant = entries[variant].get(LIKE, "")
    return found


def _different(variant: str, text: str) -> list[str]:
    """All variants but those that the values of a sweep have made the same as its own, and what is like these."""
    content = parse_yaml(text, "params.yaml")
    entries = content["variants"]
    variants = variant_blocks(entries)

    def same(other: Variant) -> bool:
        ours = variants[variant]
        seeds = [content["seed"] if each.own.seed is None else each.own.seed for each in (ours, other)]
        return other.settings() == ours.settings() and seeds[0] == seeds[1]

    twins = {name for name, other in variants.items() if name != variant and same(other)}
    return [name for name in entries if not twins & set(_chain(name, text))]
