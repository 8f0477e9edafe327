"""The entries under `variants:`, each with the options of its architecture."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from latentlab.config import plugins
from latentlab.config.checking import check, divided
from latentlab.config.settings import Fraction, Seed, Settings, Size
from latentlab.errors import UserError

RESERVED = ("prepare", "compare", "references")  # files and folders beside those of the variants
NAME = re.compile(r"[a-z][a-z0-9_]*")
NAMES = "a-z, 0-9 and _, a letter first"
LIKE = "like"
Class = Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True)]


class Schedule(Settings):
    """How the learning rate falls.

    `cosine` and `exponential` bring it to `factor` of its first value by the last epoch. `plateau` multiplies it with
    `factor` each time that the validation loss has not improved for `patience` epochs.
    """

    kind: Literal["cosine", "exponential", "plateau"]
    factor: Fraction = 0.1
    patience: Size = 5


class EarlyStopping(Settings):
    """Stop once the validation loss has not improved by more than `min_delta` for `patience` epochs."""

    patience: Size = 10
    min_delta: Annotated[float, Field(ge=0)] = 0.0


class Learning(Settings):
    """What every variant has; the other keys of its entry are its architecture's `Options`.

    `classes` are the names or numbers, as in classes.json, of those whose images it learns from: all without it.
    """

    model: str
    classes: Annotated[tuple[Class, ...], Field(min_length=1, strict=False)] | None = None


class Training(Learning):
    """Of a variant that trains; where an architecture can `solve` for its weights, there are no epochs.

    `noise` is the standard deviation of Gaussian noise on the input, clipped to [0, 1]. `activity_l1` weighs
    the L1 norm of the code. `keep` tells which epoch's weights are kept: the last, or the best by validation loss.
    """

    epochs: Size
    batch_size: Size
    optimizer: Literal["adam", "rmsprop", "adadelta"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    noise: Annotated[float, Field(ge=0)] = 0.0
    activity_l1: Annotated[float, Field(ge=0)] = 0.0
    keep: Literal["last", "best"] = "last"
    learning_rate_schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None


class Own(Settings):
    """Keys that are no part of `Variant.settings`: `seed` is that of its training, the study's without it."""

    seed: Seed | None = None


class Variant(Settings):
    """One entry. Those with equal `settings` are one variant with several seeds."""

    name: str
    own: Own = Own()
    learning: Learning
    options: Settings

    @property
    def trains(self) -> bool:
        """Whether it has epochs."""
        return isinstance(self.learning, Training)

    @property
    def training(self) -> Training:
        """Of one that `trains`."""
        assert isinstance(self.learning, Training)
        return self.learning

    def settings(self) -> dict[str, Any]:
        """All that determines it but for the seed, defaults included and what is off left out, in plain values."""
        parts = (self.learning, self.options)
        return {
            name: value for part in parts for name, value in part.model_dump(mode="json", exclude_none=True).items()
        }


def variant_blocks(entries: Mapping[Any, Any]) -> dict[str, Variant]:
    """All entries, those that are `like` another with its keys. Raises `UserError`."""
    return {name: variant_block(name, whole_entry(name, entries)) for name in entries}


def whole_entry(name: Any, entries: Mapping[Any, Any]) -> Any:
    """An entry with the keys of the one that it is like, and of the one that this is like, and so on."""
    entry, seen = entries[name], [name]
    while isinstance(entry, dict) and LIKE in entry:
        other = entry[LIKE]
        if other in seen or not isinstance(other, str) or not isinstance(entries.get(other), dict):
            allowed = ", ".join(str(each) for each in entries if each not in seen)
            raise UserError(f"params.yaml: variants.{seen[-1]}.{LIKE}: found {other!r}, allowed: {allowed or 'none'}")
        seen.append(other)
        entry = {**entries[other], **{key: value for key, value in entry.items() if key != LIKE}}
        if LIKE in entries[other]:
            entry[LIKE] = entries[other][LIKE]
    return entry


def variant_block(name: Any, entry: Any) -> Variant:
    """An entry, with the options of its architecture, checked. Raises `UserError`."""
    prefix = f"variants.{name}."
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(f"params.yaml: variants: found the name {name!r}, allowed: {NAMES}")
    if name in RESERVED:
        raise UserError(f"params.yaml: variants: found the name {name!r}, allowed: any but {', '.join(RESERVED)}")
    if not isinstance(entry, dict):
        raise UserError(f"params.yaml: {prefix[:-1]}: found {entry!r}, allowed: keys such as model, epochs, batch_size")
    if not isinstance(entry.get("model"), str):
        names = ", ".join(plugins.available("models"))
        raise UserError(f"params.yaml: {prefix}model: found {entry.get('model')!r}, allowed: {names}")
    architecture = plugins.load("models", entry["model"], prefix + "model")
    kind = Learning if plugins.solves(architecture) else Training
    fields = kind.model_fields.keys() | Own.model_fields.keys()
    known, others = divided(entry, fields, architecture.Options, prefix)
    own = check(Own, {key: value for key, value in known.items() if key in Own.model_fields}, prefix)
    learning = check(kind, {key: value for key, value in known.items() if key in kind.model_fields}, prefix)
    return Variant(name=name, own=own, learning=learning, options=others)
