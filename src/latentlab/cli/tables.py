"""Tables on a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

WIDTH = 124


def print_wide(table: Table) -> None:
    """Print a table at least `WIDTH` characters wide."""
    console = Console()
    console.width = max(console.width, WIDTH)  # a narrow window wraps lines, which beats cut numbers
    console.print(table)


def columns(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[str] = ()) -> Table:
    """A table of numbers, whose first column and those on the `left` are text."""
    table = Table(title=title)
    for heading in head:
        table.add_column(heading, justify="left" if heading in (head[0], *left) else "right")
    for row in rows:
        table.add_row(*row)
    return table
