"""Measured parts of a page that is otherwise written by hand."""

from pathlib import Path

from latentlab.storage.replacing import replacing


def write_section(path: Path, name: str, text: str) -> None:
    """Replace what is between `<!-- name -->` and `<!-- /name -->`; a page without the two gets them at its end."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    page = path.read_text() if path.exists() else "# Benchmarks\n"
    if start not in page:
        page += f"\n{start}\n{end}\n"
    before, _, rest = page.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path}: {start} without {end} after it")
    with replacing(path) as temporary:
        temporary.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}")
