"""The page with all tables of a study, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from latentlab.tables import table
from latentlab.tables.beside import HEAD, WORDS
from latentlab.tables.markdown import markdown_table
from latentlab.tables.rows import Row, markdown
from latentlab.tables.table import Metrics

DIGITS = 12  # of a key


def page(
    study: str, rows: Sequence[Row], beside: Sequence[Sequence[str]], keys: Mapping[str, str], classes: Sequence[str]
) -> str:
    """Tables of the results, what is published `beside` them, and at the foot what they are results of.

    `keys` identify the result of each variant, as MLflow's runs have them; `classes` are the numerical ones.
    """
    return "\n\n".join(_parts(study, rows, beside, keys, classes)) + "\n"


def _parts(
    study: str, rows: Sequence[Row], beside: Sequence[Sequence[str]], keys: Mapping[str, str], classes: Sequence[str]
) -> Iterator[str]:
    yield f"# Results of study {study}"
    yield "The stage `compare` writes this file; what the numbers are is in docs/metrics.md."
    for title, shown, columns in table.shown(rows):
        yield f"## {title.capitalize()}"
        yield markdown(shown, table.FIRST, columns)
    if beside:
        yield "## Beside published values"
        yield markdown_table(HEAD, beside, WORDS)
    yield "## What these are results of"
    yield f"Numerical class: {', '.join(classes) or 'unknown'}. Keys, the first {DIGITS} digits:"
    yield "\n".join(f"- {variant}: `{key[:DIGITS]}`" for variant, key in keys.items())


def numerical_classes(metrics: Mapping[str, Metrics]) -> list[str]:
    """Those of the machines that the variants were trained on, each once, in order; results of before have none."""
    found = (each["training"].get("numerics") for each in metrics.values() if "training" in each)
    return sorted({str(each) for each in found if each is not None})
