"""What a page says in words of a study: its data, its parameters, its tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from latentlab.report.words import WORDS
from latentlab.tables import table
from latentlab.tables.beside import HEAD
from latentlab.tables.beside import WORDS as TEXTS
from latentlab.tables.rows import Cell, Row
from latentlab.tables.rows import table as cells

ARROWS = " ↑↓"
Table = dict[str, Any]


def card(found: Mapping[str, Any], classes: Sequence[str], numerics: Sequence[str]) -> dict[str, str]:
    """The dataset's card and the numerical classes of the machines that trained, by what they are called."""
    splits = ", ".join(f"{part['images']:,} {name}" for name, part in found["splits"].items())
    return {
        "dataset": f"{found['dataset']}: {found['source']}",
        "images": f"{found['images']:,} of {'x'.join(map(str, found['image_shape']))}: {splits}",
        "classes": ", ".join(classes) if classes else "none, images have no labels",
        "SHA-256 of the images": found["sha256"]["images"],
        "numerical class": ", ".join(numerics) or "unknown",
    }


def settings(parameters: Mapping[str, Any]) -> str:
    """Parameters in one line."""
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


def tables(rows: Sequence[Row], beside: Sequence[Sequence[str]]) -> list[Table]:
    """The tables of results, and that of published values if there are any, as the template takes them."""
    found = []
    for title, shown, columns in table.shown(rows):
        head, body = cells(shown, table.FIRST, columns)
        found.append(
            {"title": title.capitalize(), "head": [_heading(text) for text in head], "rows": body, "words": ()}
        )
    if beside:
        body = [[Cell(text, best=False) for text in line] for line in beside]
        heads = [_heading(text) for text in HEAD]
        found.append({"title": "Beside published values", "head": heads, "rows": body, "words": TEXTS})
    return found


def _heading(text: str) -> dict[str, str]:
    return {"text": text, "word": WORDS.get(text.rstrip(ARROWS), "")}
