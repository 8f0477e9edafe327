"""Write the tables of results in README and docs from the metrics that are there: `python -m benchmarks.results`.

A table stands between `<!-- table WORDS -->` and `<!-- /table -->`, and the words say what is in it:

    quick: main                     all variants, as `latentlab results` shows them
    keras_blog: published           a study beside what its sources published, one row for all seeds
    quick: cost                     seconds of each stage
    lessons: adam, vae: reconstruction.bce, latent.mean_activation = mean code
                                    some variants and some metrics, with a heading of its own or without
    lessons: vae; lessons_seen: vae: reconstruction.bce
                                    the same of several studies, which a column then names
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks import stages
from benchmarks import study as epochs
from latentlab.config import params, paths
from latentlab.config.params import Params
from latentlab.config.published import Published
from latentlab.config.replicates import replicates
from latentlab.storage.replacing import replacing
from latentlab.storage.yaml import parse_yaml
from latentlab.tables import table
from latentlab.tables.columns import Column, by_tracked_name, column_of
from latentlab.tables.markdown import markdown_table
from latentlab.tables.rows import Row, filled, markdown, row
from latentlab.tables.rows import table as cells

PAGES = ("README.md", "docs/*.md")
TABLE = re.compile(r"(<!-- table (?P<words>[^>]*?) -->\n)(?P<content>.*?)(?P<end>\n?<!-- /table -->)", re.DOTALL)
STAGES = ("train", "extract", "tsne", "evaluate", "plot")  # of a variant

NEGATIVE_ELBO = Column("vae", "negative_elbo", "-ELBO", ".1f", "↓")
OTHERS = (  # that no table of a study has, or in another format
    NEGATIVE_ELBO,
    Column("training", "validation_loss", "validation loss", ".1f"),
    Column("training", "validation_bce", "validation BCE", ".4f", "↓"),
    Column("latent", "mean_activation", "mean code", ".2f"),
    Column("vae", "reconstruction", "reconstruction", ".1f"),
    Column("vae", "kl", "KL", ".1f"),
)
SECONDS = Column("training", "seconds", "s an epoch", ".2f")
PUBLISHED = (
    column_of("training.parameters"),
    column_of("reconstruction.bce"),
    NEGATIVE_ELBO,
    column_of("latent.knn_accuracy"),
    column_of("denoising.psnr_0.5"),
    SECONDS,
)
LOSSES = {"reconstruction.bce": 1, "vae.elbo": -1}  # what the column `published` has, and its sign there


@dataclass(frozen=True)
class Results:
    """What is known of studies, by a function that gives the text of a file of the project."""

    text: Callable[[Path], str]

    def params(self, study: str) -> Params:
        """A study's parameters."""
        path = _folder(study) / paths.PARAMS
        return params.parse(parse_yaml(self.text(path), str(path)))

    def rows(self, study: str) -> list[Row]:
        """A row for each variant with all its seeds."""
        variants = self.params(study).variants
        metrics = {name: json.loads(self.text(_folder(study) / paths.metrics(name))) for name in variants}
        return [_with_loss(each) for each in table.rows(metrics, replicates(variants))]

    def references(self, study: str) -> list[Row]:
        """A row for each reference."""
        blocks = json.loads(self.text(_folder(study) / paths.REFERENCES))
        return [row(name, [by_tracked_name(each)]) for name, each in blocks.items()]

    def published(self, study: str) -> tuple[Published, ...]:
        """What the sources of a study published."""
        entries = YAML(typ="safe").load(self.text(_folder(study) / paths.PUBLISHED))
        return tuple(Published.model_validate(entry) for entry in entries)

    def seconds(self, study: str) -> dict[str, float]:
        """Of each stage in the run that was kept."""
        content: dict[str, Any] = json.loads(self.text(stages.MEASURED))
        return dict(content[study]["seconds"])

    def epochs(self, study: str) -> dict[str, float]:
        """Seconds of an epoch of each variant that was measured, where as many train at once as there are cores."""
        content: dict[str, Any] = json.loads(self.text(epochs.MEASURED)).get(study, {"variants": {}})
        return {name: epochs.seconds(content, name, "engine") for name in content["variants"]}


def main() -> None:
    """Rewrite all pages."""
    results = Results(Path.read_text)
    for page in [path for pattern in PAGES for path in sorted(Path().glob(pattern))]:
        before = page.read_text()
        after = rewritten(before, results)
        if after != before:
            with replacing(page) as temporary:
                temporary.write_text(after)
            print(f"{page}: written")


def rewritten(page: str, results: Results) -> str:
    """The text of a page with all its tables made anew. Raises `ValueError` for words that say nothing."""
    return TABLE.sub(lambda found: f"{found[1]}{content(found['words'], results)}\n<!-- /table -->", page)


def content(words: str, results: Results) -> str:
    """The table that the words describe, in Markdown."""
    *studies, last = words.split(";")
    parts = [part.strip() for part in last.split(":")]
    whole = {"main": _main, "published": _published, "cost": _cost}
    if not studies and len(parts) == 2 and parts[1] in whole:
        return whole[parts[1]](parts[0], results)
    if len(parts) != 3:
        raise ValueError(f"table: found {words!r}, allowed: STUDY: {' or '.join(whole)}, or STUDY: VARIANTS: METRICS")
    wanted = [*(tuple(each.split(":")) for each in studies), (parts[0], parts[1])]
    return _chosen([(study.strip(), variants) for study, variants in wanted], parts[2], results)


def _folder(study: str) -> Path:
    return Path() if study == "quick" else paths.STUDIES / study


def _main(study: str, results: Results) -> str:
    main, _ = table.shown([*results.rows(study), *results.references(study)])
    return markdown(main.rows, table.FIRST, main.columns)


def _chosen(wanted: list[tuple[str, str]], metrics: str, results: Results) -> str:
    rows = []
    for study, variants in wanted:
        known = {each.name: each for each in [*results.rows(study), *results.references(study)]}
        rows += [replace(known[name.strip()], study=study) for name in variants.split(",")]
    made = markdown(rows, table.FIRST, list(_columns(metrics)))
    return made if len({study for study, _ in wanted}) == 1 else made.replace("**", "")  # no best of unlike studies


def _columns(metrics: str) -> Iterator[Column]:
    for metric in metrics.split(","):
        name, _, heading = (part.strip() for part in metric.partition("="))
        column = next((other for other in OTHERS if other.dotted == name), None) or column_of(name)
        column = replace(column, format=".2f") if column.group == "denoising" else column
        yield replace(column, heading=heading) if heading else column


def _published(study: str, results: Results) -> str:
    """A row a variant with the seconds of an epoch, and beside its loss those that the study's sources published."""
    seeds = replicates(results.params(study).variants)
    seconds, published = results.epochs(study), results.published(study)
    rows = [_with_cost(each, seconds) for each in results.rows(study)]
    rows, columns = filled([*rows, *results.references(study)], PUBLISHED)
    head, body = cells(rows, table.FIRST, columns)
    lines = [[f"**{cell.text}**" if cell.best else cell.text for cell in line] for line in body]
    at = head.index(f"{NEGATIVE_ELBO.heading} {NEGATIVE_ELBO.better}") + 1
    for line, each in zip(lines, rows, strict=True):
        line.insert(at, ", ".join(_losses(published, seeds.get(each.name, ()))))
    return markdown_table([*head[:at], "published", *head[at:]], lines)


def _with_loss(each: Row) -> Row:
    """The row with the negative ELBO, if it has one."""
    if "vae/elbo" not in each.means:
        return each
    deviations = {NEGATIVE_ELBO.tracked: each.deviations["vae/elbo"]} if "vae/elbo" in each.deviations else {}
    means = each.means | {NEGATIVE_ELBO.tracked: -each.means["vae/elbo"]}
    return replace(each, means=means, deviations=each.deviations | deviations)


def _with_cost(each: Row, seconds: dict[str, float]) -> Row:
    """The row with the seconds of an epoch, if they have been measured."""
    return replace(each, means=each.means | {SECONDS.tracked: seconds[each.name]}) if each.name in seconds else each


def _losses(published: tuple[Published, ...], names: tuple[str, ...]) -> Iterator[str]:
    for entry in published:
        if entry.metric in LOSSES and entry.variant in names:
            yield f"{LOSSES[entry.metric] * entry.value:g}"


def _cost(study: str, results: Results) -> str:
    """Seconds of each stage of each variant, and their sums."""
    seconds = results.seconds(study)
    variants = list(results.params(study).variants)
    by_variant = {name: [seconds[f"{stage}@{name}"] for stage in STAGES] for name in variants}
    lines = [[name, *(_digits(each) for each in values)] for name, values in by_variant.items()]
    sums = [f"{sum(column):.0f}" for column in zip(*by_variant.values(), strict=True)]
    return markdown_table(["", *STAGES], [*lines, ["all", *sums]])


def _digits(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 9.95 else f"{seconds:.0f}"


if __name__ == "__main__":
    main()
