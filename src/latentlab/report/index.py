"""A page that leads to those of several studies."""

from collections.abc import Sequence
from dataclasses import dataclass

from latentlab.report.page import render
from latentlab.tables.columns import COLUMNS
from latentlab.tables.rows import Row, text_of

SHOWN = ("reconstruction.bce", "latent.knn_accuracy", "vae.elbo")  # of which a card tells the best


@dataclass(frozen=True)
class Card:
    """A study: its name, its dataset, its rows of results, and where its page is, if it is there."""

    study: str
    dataset: str
    rows: Sequence[Row]
    link: str | None

    @property
    def best(self) -> dict[str, str]:
        """The best of the main numbers, with the variant that has it."""
        found = {}
        for column in COLUMNS:
            rows = [row for row in self.rows if column.tracked in row.means]
            if column.dotted in SHOWN and rows:
                choose = min if column.better == "↓" else max
                row = choose(rows, key=lambda each: each.means[column.tracked])
                found[column.heading] = f"{text_of(row, column)} ({row.name})"
        return found


def index(cards: Sequence[Card]) -> str:
    """The page."""
    return render("index.html", cards=cards)
