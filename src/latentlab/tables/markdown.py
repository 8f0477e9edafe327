"""Tables in Markdown."""

from collections.abc import Collection, Iterable, Sequence


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Collection[str] = ()) -> str:
    """A table with its first column and those under the headings `left` to the left, the others to the right."""
    lines = [head, ["---" if heading in (head[0], *left) else "---:" for heading in head], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
