"""Which parameters each stage uses: all that it may know of params.yaml, and all that reruns it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, Field

from latentlab.config.params import Classifier, Evaluate, Extract, Params, Precision, Prepare, Tsne, prepare_block
from latentlab.config.published import Published
from latentlab.config.replicates import replicates
from latentlab.config.settings import Settings
from latentlab.config.variants import Class, Variant, variant_block
from latentlab.numerics.portable import Numerics

EACH_VARIANT = ("train", "extract", "tsne", "evaluate", "plot")
SINGLE_STAGES = ("plan", "prepare", "classifier", "references", "compare", "report", "track")


class StageParameters(Settings):
    """The parameters of one stage, of one variant if it runs for each. All libraries are held to `numerics`."""

    stage: ClassVar[str]
    numerics: Numerics


class ForPrepare(StageParameters):
    """Of stage `prepare`."""

    stage = "prepare"
    seed: int
    prepare: Prepare


class ForClassifier(StageParameters):
    """Of stage `classifier`."""

    stage = "classifier"
    seed: int
    threads: int
    classifier: Classifier


class ForReferences(StageParameters):
    """Of stage `references`; `classes` are those that variants learn from, by the name of the first that does."""

    stage = "references"
    seed: int
    threads: int
    noise_levels: Annotated[tuple[float, ...], Field(strict=False)]
    uses_images: int
    classes: dict[str, Annotated[tuple[Class, ...], Field(strict=False)]]


class ForTrain(StageParameters):
    """Of stage `train`."""

    stage = "train"
    seed: int
    threads: int
    precision: Precision
    variant: Variant


class ForExtract(StageParameters):
    """Of stage `extract`; `noise` and `classes` are the variant's."""

    stage = "extract"
    seed: int
    threads: int
    extract: Extract
    noise: float
    classes: Annotated[tuple[Class, ...], Field(strict=False)] | None = None


class ForTsne(StageParameters):
    """Of stage `tsne`."""

    stage = "tsne"
    seed: int
    tsne: Tsne


class ForEvaluate(StageParameters):
    """Of stage `evaluate`; `classes` are the variant's, `noise_levels` those of `extract`."""

    stage = "evaluate"
    seed: int
    threads: int
    noise_levels: Annotated[tuple[float, ...], Field(strict=False)]
    evaluate: Evaluate
    classes: Annotated[tuple[Class, ...], Field(strict=False)] | None = None


class ForPlot(StageParameters):
    """Of stage `plot`; `classes` and `training_seed` are the variant's, `noise_levels` those of `extract`."""

    stage = "plot"
    seed: int
    training_seed: int
    threads: int
    noise_levels: Annotated[tuple[float, ...], Field(strict=False)]
    classes: Annotated[tuple[Class, ...], Field(strict=False)] | None = None


class ForCompare(StageParameters):
    """Of stage `compare`; names of variants in their order, those that differ in the seed alone by the first.

    `noise_levels` and `uses_images` are those of `extract`.
    """

    stage = "compare"
    study: str
    seed: int
    noise_levels: Annotated[tuple[float, ...], Field(strict=False)]
    uses_images: int
    variants: dict[str, Annotated[tuple[str, ...], Field(strict=False)]]
    published: Annotated[tuple[Published, ...], Field(strict=False)] | None = None


class ForReport(StageParameters):
    """Of stage `report`, likewise; `classes` are those that variants learn from, by the variant's name."""

    stage = "report"
    study: str
    seed: int
    threads: int
    noise_levels: Annotated[tuple[float, ...], Field(strict=False)]
    uses_images: int
    variants: dict[str, Annotated[tuple[str, ...], Field(strict=False)]]
    classes: dict[str, Annotated[tuple[Class, ...], Field(strict=False)]]
    published: Annotated[tuple[Published, ...], Field(strict=False)] | None = None


class ForTrack(StageParameters):
    """Of stage `track`; the names of all variants."""

    stage = "track"
    study: str
    variants: Annotated[tuple[str, ...], Field(strict=False)]


Kind = TypeVar("Kind", bound=StageParameters)


def name_of(stage: str, variant: str | None = None) -> str:
    """A stage as DVC calls it: `prepare`, `train@simple`."""
    return stage if variant is None else f"{stage}@{variant}"


def parameters_by_stage(
    p: Params, published: tuple[Published, ...] = ()
) -> Iterator[tuple[str, str | None, StageParameters]]:
    """Stage, variant if it has one, and parameters, in the order of the pipeline."""
    n = p.numerics
    yield "prepare", None, ForPrepare(numerics=n, seed=p.seed, prepare=p.prepare)
    yield "classifier", None, ForClassifier(numerics=n, seed=p.seed, threads=p.threads, classifier=p.classifier)
    yield (
        "references",
        None,
        ForReferences(
            numerics=n,
            seed=p.seed,
            threads=p.threads,
            noise_levels=p.extract.noise_levels,
            uses_images=p.extract.uses_images,
            classes=_chosen_classes(p),
        ),
    )
    for each, v in p.variants.items():
        yield from ((parameters.stage, each, parameters) for parameters in _of_variant(p, v))
    yield from ((parameters.stage, None, parameters) for parameters in _of_all(p, published))


def _of_all(p: Params, published: tuple[Published, ...]) -> Iterator[StageParameters]:
    """Of the stages that see all variants together, in their order."""
    n, levels, uses, alike = p.numerics, p.extract.noise_levels, p.extract.uses_images, replicates(p.variants)
    chosen = {name: p.variants[name].learning.classes for name in alike}
    yield ForCompare(
        numerics=n,
        study=p.study,
        seed=p.seed,
        noise_levels=levels,
        uses_images=uses,
        variants=alike,
        published=published or None,
    )
    yield ForReport(
        numerics=n,
        study=p.study,
        seed=p.seed,
        threads=p.threads,
        noise_levels=levels,
        uses_images=uses,
        variants=alike,
        classes={name: classes for name, classes in chosen.items() if classes is not None},
        published=published or None,
    )
    yield ForTrack(numerics=n, study=p.study, variants=tuple(p.variants))


def _of_variant(p: Params, v: Variant) -> Iterator[StageParameters]:
    """Of the stages that each variant has, in their order."""
    n, levels, classes = p.numerics, p.extract.noise_levels, v.learning.classes
    seed = p.seed if v.own.seed is None else v.own.seed
    yield ForTrain(numerics=n, seed=seed, threads=p.threads, precision=p.precision, variant=v)
    # what is random from here on is the same for all variants: they see the same noisy images
    noise = v.training.noise if v.trains else 0.0
    yield ForExtract(numerics=n, seed=p.seed, threads=p.threads, extract=p.extract, noise=noise, classes=classes)
    yield ForTsne(numerics=n, seed=p.seed, tsne=p.tsne)
    yield ForEvaluate(
        numerics=n, seed=p.seed, threads=p.threads, noise_levels=levels, evaluate=p.evaluate, classes=classes
    )
    yield ForPlot(numerics=n, seed=p.seed, training_seed=seed, threads=p.threads, noise_levels=levels, classes=classes)


def _chosen_classes(p: Params) -> dict[str, tuple[Class, ...]]:
    """Each choice of classes once, by the name of the first variant that makes it."""
    first: dict[tuple[Class, ...], str] = {}
    for name, variant in p.variants.items():
        if variant.learning.classes is not None:
            first.setdefault(variant.learning.classes, name)
    return {name: classes for classes, name in first.items()}


def plain(parameters: StageParameters) -> dict[str, Any]:
    """The parameters in plain values, defaults included; what is off, None, is left out."""
    values = {name: getattr(parameters, name) for name in type(parameters).model_fields}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Prepare | Variant):
        return value.settings()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def typed(kind: type[Kind], content: Mapping[str, Any], name: str | None) -> Kind:
    """What `plain` made of the parameters of a stage, for the variant `name`, typed again. Raises `UserError`."""
    values = dict(content)
    if "prepare" in kind.model_fields:
        values["prepare"] = prepare_block(values["prepare"])
    if "variant" in kind.model_fields:
        values["variant"] = variant_block(name, values["variant"])
    return kind.model_validate(values)
