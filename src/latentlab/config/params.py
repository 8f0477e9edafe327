"""`params.yaml`, typed and frozen. Whatever is wrong in it is found before any work and named by its key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from latentlab.config import paths, plugins
from latentlab.config.checking import check, divided
from latentlab.config.replicates import check_seeds
from latentlab.config.settings import Fraction, Seed, Settings, Size
from latentlab.config.variants import NAME, NAMES, Variant, variant_blocks
from latentlab.errors import UserError
from latentlab.numerics.portable import Numerics
from latentlab.storage.yaml import read_yaml

Level = Annotated[float, Field(gt=0, le=10)]
Precision = Literal["float32", "mixed_bfloat16"]


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


class Classifier(Settings):
    """How long the classifier learns by whose features generated images are compared with real ones."""

    epochs: Size = 8
    batch_size: Size = 64


Split = Literal["train", "validation", "test"]


class Extract(Settings):
    """Which splits give latent features. Evaluation needs train and test.

    `noise_levels` are standard deviations of the noise that test images are freed from; that, coarse codes and bounds
    of the likelihood are tried on the first `uses_images` of them.
    """

    splits: Annotated[tuple[Split, ...], Field(strict=False)]
    noise_levels: Annotated[tuple[Level, ...], Field(min_length=1, strict=False)] = (0.1, 0.25, 0.5, 0.75, 1.0)
    uses_images: Size = 1000


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


class Params(Settings):
    """The whole of `params.yaml`."""

    study: str
    seed: Seed
    threads: Size
    numerics: Numerics = "portable"
    precision: Precision
    prepare: Prepare
    classifier: Classifier = Classifier()
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
    variants = variant_blocks(entries)
    blocks = {"prepare": prepare_block(content["prepare"])} if "prepare" in content else {}
    params = check(Params, {**content, **blocks, "variants": variants}, "")
    _check_together(params)
    return params


def prepare_block(entry: Any) -> Any:
    """The block `prepare`, with the options of its dataset, checked. Raises `UserError`."""
    prefix = "prepare."
    if not isinstance(entry, dict) or not isinstance(entry.get("dataset"), str):
        return entry  # which the check of the whole names
    options = getattr(plugins.load("datasets", entry["dataset"], prefix + "dataset"), "Options", Settings)
    own, others = divided(entry, Prepare.model_fields.keys() - {"options"}, options, prefix)
    return check(Prepare, own | {"options": others}, prefix)


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
    check_seeds(params.variants, params.seed)


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
