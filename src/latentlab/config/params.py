"""`params.yaml`, typed and frozen. Whatever is wrong in it is found before any work and named by its key."""

import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError, field_validator

from latentlab.config import paths, plugins
from latentlab.config.settings import Settings, Size
from latentlab.errors import UserError
from latentlab.numerics.portable import Numerics
from latentlab.storage.yaml import read_yaml

Fraction = Annotated[float, Field(gt=0, lt=1)]
Precision = Literal["float32", "mixed_bfloat16"]
RESERVED = ("prepare", "compare")  # folders of pictures beside those of the variants
NAME = re.compile(r"[a-z][a-z0-9_]*")
NAMES = "a-z, 0-9 and _, a letter first"
Block = TypeVar("Block", bound=Settings)


class Prepare(Settings):
    """Which dataset, how many of its images (all without `images`), and which shares validate and test.

    `test` is absent for a dataset with a test split of its own; `validation` is then a share of the others. The
    block's other keys are the dataset's `options`.
    """

    dataset: str
    images: Size | None = None
    validation: Fraction
    test: Fraction | None = None
    options: Settings = Settings()

    def settings(self) -> dict[str, Any]:
        """All that determines the splits, defaults included and what is off left out, as one dict of plain values."""
        options = self.options.model_dump(mode="json", exclude_none=True)
        return self.model_dump(mode="json", exclude={"options"}, exclude_none=True) | options


Split = Literal["train", "validation", "test"]


class Extract(Settings):
    """Which splits give latent features. Evaluation needs train and test."""

    splits: Annotated[tuple[Split, ...], Field(strict=False)]


class Tsne(Settings):
    """t-SNE's perplexity, the number of images that it places, the library that computes it, and whose images they are.

    `points` counts the first images of `splits`, one split after the other in the order in which they are named, all
    if there are fewer; the first images of a split are a random sample of it. Without `splits` they are test images.
    `method` is `auto`, the same as to leave it out: scikit-learn for up to 10,000 points, which keeps the maps of
    studies from before there was a choice, openTSNE for more, where it takes a fraction of the time.
    """

    perplexity: Annotated[float, Field(gt=0)]
    points: Annotated[int, Field(ge=2)]
    method: Literal["auto", "sklearn", "opentsne"] | None = None
    splits: Annotated[tuple[Split, ...], Field(strict=False, min_length=1)] | None = None

    @field_validator("method")
    @classmethod
    def _auto_is_none(cls, value: str | None) -> str | None:
        return None if value == "auto" else value

    @field_validator("splits")
    @classmethod
    def _each_once(cls, value: tuple[Split, ...] | None) -> tuple[Split, ...] | None:
        if value and len(set(value)) < len(value):
            raise ValueError("each split once")
        return value

    @property
    def placed(self) -> tuple[Split, ...]:
        """The splits whose images are placed."""
        return self.splits or ("test",)

    def count(self, images: Mapping[str, int]) -> tuple[int, str]:
        """How many images are placed, given those of each split, and what says so."""
        there = sum(images[split] for split in self.placed)
        where = f"the {self.placed[0]} split" if len(self.placed) == 1 else f"the splits {' and '.join(self.placed)}"
        return (self.points, "tsne.points") if self.points < there else (there, f"in {where}")


class Evaluate(Settings):
    """How many neighbours vote in every k-NN accuracy and in the trustworthiness.

    What does not scale, which is SSIM, k-NN and the linear probe, works on a random sample of at most so many training
    and test images.
    """

    neighbours: Size
    train_images: Size = 60_000
    test_images: Size = 10_000


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


class Training(Settings):
    """A variant's training; the other keys of its entry are its architecture's `Options`.

    `noise` is the standard deviation of Gaussian noise on the input, clipped to [0, 1]. `activity_l1` weighs
    the L1 norm of the code. `keep` tells which epoch's weights are kept: the last, or the best by validation loss.
    """

    model: str
    epochs: Size
    batch_size: Size
    optimizer: Literal["adam", "rmsprop", "adadelta"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    noise: Annotated[float, Field(ge=0)] = 0.0
    activity_l1: Annotated[float, Field(ge=0)] = 0.0
    keep: Literal["last", "best"] = "last"
    learning_rate_schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None


class Variant(Settings):
    """One entry under `variants:`."""

    name: str
    training: Training
    options: Settings

    def settings(self) -> dict[str, Any]:
        """All that determines this variant, defaults included and what is off left out, in plain values."""
        parts = (self.training, self.options)
        return {
            name: value for part in parts for name, value in part.model_dump(mode="json", exclude_none=True).items()
        }


class Params(Settings):
    """The whole of `params.yaml`."""

    study: str
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    threads: Size
    numerics: Numerics = "portable"
    precision: Precision
    prepare: Prepare
    extract: Extract
    tsne: Tsne
    evaluate: Evaluate
    variants: dict[str, Variant]

    def variant(self, name: str) -> Variant:
        """The variant `name`. Raises `UserError` with the valid names."""
        if name not in self.variants:
            raise UserError(f"params.yaml: variants: found no {name!r}, allowed: {', '.join(self.variants)}")
        return self.variants[name]


def load(path: Path = paths.PARAMS) -> Params:
    """Read and check the parameter file. Raises `UserError` at the first thing that is wrong."""
    content = read_yaml(path)
    try:
        return parse(content)
    except UserError as error:
        # the messages below speak of params.yaml; a study is named by its own file
        raise UserError(str(error).replace("params.yaml", str(path), 1)) from None


def parse(content: Mapping[str, Any]) -> Params:
    """Check parsed YAML, variants with the options of their architectures included."""
    entries = content.get("variants", {})
    if not isinstance(entries, dict) or not entries:
        raise UserError(f"params.yaml: variants: found {entries!r}, allowed: one entry or more, name: {{model: ...}}")
    variants = {name: variant_block(name, entry) for name, entry in entries.items()}
    blocks = {"prepare": prepare_block(content["prepare"])} if "prepare" in content else {}
    params = _check(Params, {**content, **blocks, "variants": variants}, "")
    _check_together(params)
    return params


def variant_block(name: Any, entry: Any) -> Variant:
    """An entry under `variants:`, with the options of its architecture, checked. Raises `UserError`."""
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
    options = plugins.load("models", entry["model"], prefix + "model").Options
    own, others = _divided(entry, set(Training.model_fields), options, prefix)
    return Variant(name=name, training=_check(Training, own, prefix), options=others)


def prepare_block(entry: Any) -> Any:
    """The block `prepare`, with the options of its dataset, checked. Raises `UserError`."""
    prefix = "prepare."
    if not isinstance(entry, dict) or not isinstance(entry.get("dataset"), str):
        return entry  # which the check of the whole names
    options = getattr(plugins.load("datasets", entry["dataset"], prefix + "dataset"), "Options", Settings)
    own, others = _divided(entry, Prepare.model_fields.keys() - {"options"}, options, prefix)
    return _check(Prepare, own | {"options": others}, prefix)


def _divided(
    entry: dict[str, Any], own: Set[str], options: type[Settings], prefix: str
) -> tuple[dict[str, Any], Settings]:
    """The `own` keys of a block, and the others as the options of what the block chooses."""
    known = own | options.model_fields.keys()
    for key in entry:
        if key not in known:
            raise UserError(f"params.yaml: {prefix}{_printed(key)}: unknown key, allowed: {', '.join(sorted(known))}")
    rest = {key: value for key, value in entry.items() if key in options.model_fields}
    return {key: value for key, value in entry.items() if key in own}, _check(options, rest, prefix)


def _check(kind: type[Block], content: Any, prefix: str) -> Block:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UserError(f"params.yaml: {_describe(kind, error, prefix)}") from None


def _describe(kind: type[Settings], error: ValidationError, prefix: str) -> str:
    """The first of pydantic's errors as: key: what was found, what is allowed."""
    first = error.errors()[0]
    key = prefix + ".".join(_printed(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key, allowed: {', '.join(_allowed_keys(kind, first['loc']))}"
    if first["type"] == "missing":
        return f"{key}: missing"
    allowed = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{key}: found {first['input']!r}, allowed: {allowed}"


def _printed(key: Any) -> str:
    """A key as it stands in the file, in quotes if it would break the line."""
    return str(key) if str(key).isprintable() else repr(key)


def _allowed_keys(kind: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        inner = kind.model_fields[str(part)].annotation
        (kind,) = [
            block for block in (inner, *get_args(inner)) if isinstance(block, type) and issubclass(block, Settings)
        ]
    return sorted(kind.model_fields)


def _check_together(params: Params) -> None:
    """What no single key can know."""
    if not NAME.fullmatch(params.study):
        raise UserError(f"params.yaml: study: found {params.study!r}, allowed: {NAMES}")
    if params.precision != "float32" and params.numerics == "portable":
        raise UserError(
            f"params.yaml: precision: found {params.precision!r} with numerics: portable, allowed: 'float32', or "
            "numerics: native"
        )
    held_out = params.prepare.validation + (params.prepare.test or 0)
    if held_out >= 1:
        raise UserError(f"params.yaml: prepare.validation + prepare.test: found {held_out:g}, allowed: less than 1")
    missing = {"train", "test"} - set(params.extract.splits)
    if missing:
        raise UserError(
            f"params.yaml: extract.splits: found {list(params.extract.splits)}, allowed: train and test, or all three"
        )
    without = [split for split in params.tsne.placed if split not in params.extract.splits]
    if without:
        raise UserError(
            f"params.yaml: tsne.splits: found {without[0]!r}, allowed: those of extract.splits, "
            f"which are {', '.join(params.extract.splits)}"
        )
    check_perplexity(params.tsne.perplexity, params.tsne.points, "tsne.points")


def check_neighbours(neighbours: int, points: int, source: str) -> None:
    """Raise `UserError` unless there are more than twice as many points, as the trustworthiness needs.

    Venna and Kaski 2001: its scale has n - 3 k / 2 below the line, and is a share for k < n / 2 alone.
    """
    if 2 * neighbours >= points:
        raise UserError(
            f"params.yaml: evaluate.neighbours: found {neighbours}, allowed: less than half of the {points} points "
            f"{source}"
        )


def check_perplexity(perplexity: float, points: int, source: str) -> None:
    """Raise `UserError` unless t-SNE's perplexity is below the number of points (van der Maaten 2008, section 2)."""
    if perplexity >= points:
        raise UserError(
            f"params.yaml: tsne.perplexity: found {perplexity:g}, allowed: less than the {points} points ({source})"
        )
