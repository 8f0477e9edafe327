"""The tables of README and docs are the committed metrics, and so are the numbers in the sentences about them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import stages, study
from benchmarks.results import PAGES, TABLE, Results, content, rewritten
from latentlab.config import paths
from tests.conftest import ROOT, git, in_git

COMMITTED = Results(in_git)
TRACKED = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]


@pytest.mark.parametrize("page", TRACKED, ids=lambda path: path.name)
def test_every_table_is_what_the_committed_metrics_make(page: Path) -> None:
    assert rewritten(page.read_text(), COMMITTED) == page.read_text()


def cells(markdown: str) -> list[list[str]]:
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in markdown.splitlines()]


def files(**metrics: dict[str, Any]) -> Results:
    """A study `a` with these variants; those that begin alike are seeds."""
    entries = "\n".join(
        f"  {name}: {{model: vae, epochs: 2, batch_size: 8, seed: {place}, units: [{ord(name[0])}]}}"
        for place, name in enumerate(metrics)
    )
    texts = {
        "params.yaml": in_git(Path("studies/tiny/params.yaml")).partition("variants:")[0] + f"variants:\n{entries}\n",
        "published.yaml": "- {variant: v, metric: vae.elbo, value: -9.5, source: S}\n"
        "- {variant: w1, metric: reconstruction.bce, value: 0.2, source: S}\n"
        "- {variant: v, metric: reconstruction.mse, value: 0.2, source: S}\n",
        "metrics/references.json": json.dumps({"mean_image": {"reconstruction": {"bce": 0.5}}, "png": {"a": {"b": 1}}}),
        **{str(paths.metrics(name)): json.dumps(blocks) for name, blocks in metrics.items()},
    }
    seconds = {f"{stage}@{name}": 3.0 + place for place, name in enumerate(metrics)
               for stage in ("train", "extract", "tsne", "evaluate", "plot")}  # fmt: skip

    texts[str(stages.MEASURED)] = json.dumps({"a": {"seconds": seconds}})
    measured = {name: {"engine": {"images": 27_000, "seconds": [9.0, 1.5, 0.5]}} for name in metrics}
    texts[str(study.MEASURED)] = json.dumps({"a": {"machine": {}, "variants": measured}})

    def text(path: Path) -> str:
        return texts[str(path).removeprefix("studies/a/")]

    return Results(text)


V = {"vae": {"elbo": -10.0}, "training": {"epochs": 2, "parameters": 7}, "reconstruction": {"bce": 0.25, "mse": 0.1}}
W1 = {"training": {"epochs": 2, "parameters": 7}, "reconstruction": {"bce": 0.1}}
W2 = {"training": {"epochs": 2, "parameters": 7}, "reconstruction": {"bce": 0.2}}


def test_obtained_stands_beside_published_with_seeds_and_seconds_an_epoch() -> None:
    head, _, *lines = cells(content("a: published", files(v=V, w1=W1, w2=W2)))
    assert head == ["variant", "seeds", "parameters", "test BCE ↓", "-ELBO ↓", "published", "s an epoch"]
    assert lines[0] == ["v", "1", "7", "0.2500", "10.0", "9.5", "3.00"]
    assert lines[1] == ["w1", "2", "7", "0.1500 ± 0.0707", "", "0.2", "3.00"]
    assert lines[2] == ["mean_image", "1", "", "0.5000", "", "", ""]


def test_chosen_variants_and_metrics_with_headings() -> None:
    words = "a: v, w1: reconstruction.bce, reconstruction.mse = squared, vae.negative_elbo"
    head, _, *lines = cells(content(words, files(v=V, w1=W1)))
    assert head == ["variant", "test BCE ↓", "squared ↓", "-ELBO ↓"]
    assert lines == [["v", "0.2500", "0.1", "10.0"], ["w1", "0.1000", "", ""]]


def test_costs_are_the_seconds_of_stages() -> None:
    assert cells(content("a: cost", files(v=V, w1=W1)))[2:] == [
        ["v", *["3.0"] * 5],
        ["w1", *["4.0"] * 5],
        ["all", *["7"] * 5],
    ]


def test_words_that_say_nothing_and_text_around_tables() -> None:
    with pytest.raises(ValueError, match="found 'a: b', allowed: STUDY: main or published or cost"):
        content("a: b", files(v=V))
    page = "before\n<!-- table a: v: reconstruction.bce -->\nold\n<!-- /table -->\nafter\n"
    made = rewritten(page, files(v=V))
    assert made == rewritten(made, files(v=V))
    assert made.startswith("before\n")
    assert made.endswith("| v | 0.2500 |\n<!-- /table -->\nafter\n")


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,]*\.\d+", text))


def known(words: str) -> str:
    """The parameters of the studies that a table is of, and what others have published."""
    named = {part.partition(":")[0].strip() for part in words.split(";")} - {"quick"}
    folders = [Path("studies") / name for name in named] or [Path()]
    wanted = [str(folder / name) for folder in folders for name in (paths.PARAMS, paths.PUBLISHED)]
    return "".join(in_git(Path(path)) for path in git("-C", str(ROOT), "ls-files", *wanted).split())


@pytest.mark.parametrize("page", TRACKED, ids=lambda path: path.name)
def test_numbers_in_sentences_about_a_table_are_in_it_or_in_the_study(page: Path) -> None:
    for section in page.read_text().split("\n## "):
        matches = [match for match in TABLE.finditer(section) if not match["words"].endswith("cost")]
        tables = "".join(match["words"] + match["content"] + known(match["words"]) for match in matches)
        prose = re.sub(r"```.*?```|`[^`]*`|\(http[^)]*\)|arXiv:\S+", "", TABLE.sub("", section), flags=re.DOTALL)
        assert not tables or numbers(prose) <= numbers(tables), section.partition("\n")[0]
