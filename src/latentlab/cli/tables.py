"""Tables on a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from latentlab.tables.columns import COLUMNS, Column
from latentlab.tables.rows import Cell, Row, table

WIDTH = 124


def print_wide(drawn: Table) -> None:
    """Print a table at least `WIDTH` characters wide."""
    console = Console()
    console.width = max(console.width, WIDTH)  # a narrow window wraps lines, which beats cut numbers
    console.print(drawn)


def columns(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[str] = ()) -> Table:
    """A table of numbers, whose first column and those on the `left` are text."""
    drawn = Table(title=title)
    for heading in head:
        drawn.add_column(heading, justify="left" if heading in (head[0], *left) else "right")
    for row in rows:
        drawn.add_row(*row)
    return drawn


def results(title: str, rows: Sequence[Row], first: str, metrics: Sequence[Column] = COLUMNS) -> Table:
    """Rows of results, the best of each metric in bold."""
    head, body = table(rows, first, metrics)
    return columns(title, head, ([_bold(cell) for cell in row] for row in body))


def _bold(cell: Cell) -> str:
    return f"[bold]{cell.text}[/bold]" if cell.best else escape(cell.text)
