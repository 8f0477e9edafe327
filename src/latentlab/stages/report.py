"""Stage `report`: all of a study in one page that opens without a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import EACH_VARIANT, ForReport
from latentlab.figures.examples import SHOWN, shown
from latentlab.metrics.anomaly import roc
from latentlab.numerics.threads import limit_threads
from latentlab.pipeline.inputs import planned
from latentlab.pipeline.plan import read_parameters
from latentlab.report import charts, facts
from latentlab.report.explored import Explored, explored, of_test_images
from latentlab.report.explorer import allowed, explorer, looks, pictures
from latentlab.report.page import page
from latentlab.report.sheets import Fineness
from latentlab.report.strips import Strip
from latentlab.sources.chosen import of_classes
from latentlab.stages import _strips
from latentlab.stages._anomaly_scores import ERROR, anomaly_scores
from latentlab.stages._command import run
from latentlab.storage.csv import read_csv
from latentlab.storage.json import read_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.storage.replacing import replacing
from latentlab.tables import table
from latentlab.tables.beside import beside
from latentlab.tables.page import DIGITS, numerical_classes

FILTERS = {"median": "median filter"}  # references that remove noise
STAGES = ("plan", "prepare", "classifier", "references", *EACH_VARIANT, "compare", "report", "track")
SECTIONS = {
    "run": "What was run",
    "results": "Results",
    "images": "The same images through every variant",
    "losses": "Losses",
    "explorer": "Latent explorer",
    "decode": "Decode a code",
    "variants": "Pictures of each variant",
    "uses": "Uses",
}

Split = dict[str, Array]
Metrics = Mapping[str, table.Metrics]


@dataclass(frozen=True)
class Seen:
    """What the page shows of a variant: in the explorer, in rows of images, and as a ROC curve, if it has one."""

    explored: Explored
    examples: Split
    pictures: list[Strip]
    roc: tuple[Array, Array] | None


def main() -> str:
    """Write `report/index.html`."""
    p = read_parameters(ForReport)
    limit_threads(p.threads)
    test = read_npz(paths.prepared("test"))
    rows = placed(test, read_pickle(paths.embedding(next(iter(p.variants)))))
    seen = {variant: look_at(p, variant, test, rows) for variant in p.variants}
    metrics = table.read([name for names in p.variants.values() for name in names])
    text = composed(p, test, rows, seen, metrics)
    with replacing(paths.REPORT) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return f"report: {len(text.encode()) / 1e6:.1f} MB in {paths.REPORT}"


def placed(test: Split, embedded: Mapping[str, Any]) -> Array:
    """Rows of the test images that the maps have, in the maps' order."""
    order = np.argsort(test["index"])
    index = embedded["index"][of_test_images(embedded)]
    return np.asarray(order[np.searchsorted(test["index"], index, sorter=order)])


def look_at(p: ForReport, variant: str, test: Split, rows: Array) -> Seen:
    """One variant, whose files are read here and let go of again."""
    decoded, used = read_npz(paths.decoded(variant)), read_npz(paths.uses(variant))
    known = of_classes(test, p.classes.get(variant), variant)
    scores = anomaly_scores(test["images"], decoded) if "reconstructions" in decoded else {}
    strange = np.isin(np.arange(len(test["images"])), known, invert=True)
    curve = roc(scores[ERROR], strange) if scores and strange.any() else None
    scores = {name: values / (test["images"][0].size if name == ERROR else 1) for name, values in scores.items()}
    found = explored(variant, read_pickle(paths.embedding(variant)), decoded, scores, rows)
    few = {name: array[known[: p.uses_images]] for name, array in test.items()}
    drawn = _strips.pictures(variant, few, decoded, used, sorted(p.noise_levels), found, test["images"][rows])
    chosen = shown(test, SHOWN)
    examples = {name: array[chosen] for name, array in decoded.items() if name in ("noisy", "reconstructions")}
    return Seen(found, examples, drawn, curve)


def composed(p: ForReport, test: Split, rows: Array, seen: Mapping[str, Seen], metrics: Metrics) -> str:
    """The page, with its pictures as fine as what else is in it allows."""
    names = read_json(paths.CLASSES)
    numbers = sorted(map(int, names))
    labels = np.searchsorted(numbers, test["labels"][rows]) if "labels" in test else None
    classes = [names[str(number)] for number in numbers]
    variants = [each.explored for each in seen.values()] if len(rows) else []
    images = test["images"][rows]
    content = explorer(test["index"][rows], labels, classes, variants) | lines(p, seen, metrics, test["images"][0].size)
    content |= {"images": None, "variants": [variant.packed(None) for variant in variants]}
    words = in_words(p, test, classes, seen, metrics, content) | {"points": f"{len(rows):,}" if variants else ""}
    if not variants:
        return page(words, content)
    size = allowed(len(rows), len(variants)) - len(page(words, content).encode())
    drawn, fineness = pictures(images, variants, size)
    return page(words | {"remarks": remarks(fineness)}, content | drawn)


def remarks(fineness: Fineness) -> str:
    """What the page had to leave out to be small."""
    return (
        f"Images that were decoded are shown as WebP of quality {fineness.quality}, at most {fineness.side} pixels a "
        "side, noisy ones in three greys; test images have no loss. Places and scores are rounded to 65,536 steps."
    )


def lines(p: ForReport, seen: Mapping[str, Seen], metrics: Metrics, pixels: int) -> dict[str, Any]:
    """The charts."""
    found = table.rows(metrics, p.variants)
    others = {FILTERS[each.name]: each for each in table.references() if each.name in FILTERS}
    levels = sorted(p.noise_levels)
    histories = {variant: read_csv(paths.history(variant)) for variant in p.variants}
    return {
        "losses": [
            charts.losses(variant, number, history, pixels)
            for number, (variant, history) in enumerate(histories.items())
            if len(history["epoch"])
        ],
        "levels": levels,
        "denoising": charts.denoising(found, others, levels),
        "roc": [
            charts.roc(variant, number, each.roc)
            for number, (variant, each) in enumerate(seen.items())
            if each.roc is not None
        ],
    }


def in_words(
    p: ForReport,
    test: Split,
    classes: Sequence[str],
    seen: Mapping[str, Seen],
    metrics: Metrics,
    content: Mapping[str, Any],
) -> dict[str, Any]:
    """What the template takes."""
    references = table.references()
    results = [*table.rows(metrics, p.variants), *references]
    published = beside(p.published or (), metrics, p.variants, references)
    inputs = {variant: planned(variant) for variant in metrics}
    colours = looks(len(seen))
    card = read_json(paths.CARD)
    of = [card["classes"][str(label)] for label in test["labels"][shown(test, SHOWN)]] if "labels" in test else []
    same = _strips.same_images(test, {name: each.examples for name, each in seen.items()}, of)
    few = {name: array[: p.uses_images] for name, array in test.items()}
    noisy = _strips.noisy_images(few, p.noise_levels, p.seed) if content["denoising"] else None
    return {
        "study": p.study,
        "summary": f"Autoencoders on {card['dataset']}, {len(metrics)} trainings and baselines side by side.",
        "sections": SECTIONS,
        "card": facts.card(card, classes, numerical_classes(metrics)),
        "stages": {stage: len(metrics) if stage in EACH_VARIANT else 0 for stage in STAGES},
        "settings": [
            {"name": variant, "settings": facts.settings(each.settings()), "key": each.key[:DIGITS]}
            for variant, each in inputs.items()
        ],
        "tables": facts.tables(results, published),
        "strips": [each.plain for each in same],
        "several_seeds": any(len(names) > 1 for names in p.variants.values()),
        "classes": classes,
        "decodes": any(each.explored.grid for each in seen.values()),
        "prior": any(each.explored.variational and each.explored.grid for each in seen.values()),
        "pictures": [
            {"name": name, "look": look, "pictures": [picture.plain for picture in each.pictures]}
            for (name, each), look in zip(seen.items(), colours, strict=True)
        ],
        "noisy": noisy.plain if noisy else None,
        "losses": bool(content["losses"]),
        "denoising": bool(content["denoising"]),
        "roc": bool(content["roc"]),
        "remarks": "",
    }


if __name__ == "__main__":
    run(main)
