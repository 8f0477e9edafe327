"""`latentlab report`: the page of a study, or one that leads to those of all."""

import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import STUDIES, each, within
from latentlab.config import paths, project, studies
from latentlab.config.replicates import replicates
from latentlab.errors import UserError


def show_report(
    names: STUDIES = None,
    everything: Annotated[bool, typer.Option("--all", help="write and open a page that leads to every study")] = False,
    browse: Annotated[bool, typer.Option("--open/--no-open", help="open it in a browser, or say where it is")] = True,
) -> None:
    """Open the page of a study."""
    if everything and names:
        raise UserError(f"report: found --all and {names[0]!r}, allowed: one of them")
    pages = [write_index()] if everything else [folder / paths.REPORT for folder, _ in each(names)]
    for page in pages:
        if not page.exists():
            raise UserError(
                f"{os.path.relpath(page)}: no such file; `latentlab reproduce` makes it, `dvc checkout` too"
            )
        print(os.path.relpath(page))
        if browse:
            webbrowser.open(page.resolve().as_uri())


def write_index() -> Path:
    """Write the page of all studies, with those whose metrics are there. Raises `UserError` if there is none."""
    from latentlab.report.index import Card, index  # as Jinja
    from latentlab.storage.replacing import replacing
    from latentlab.tables import table

    target = project.root() / paths.INDEX
    cards = []
    for name, folder in studies.studies().items():
        with within(folder):
            p = studies.load()
            if not all(paths.metrics(variant).exists() for variant in p.variants):
                continue
            rows = table.rows(table.read(p.variants), replicates(p.variants))
            link = os.path.relpath(paths.REPORT.absolute(), target.parent) if paths.REPORT.exists() else None
        cards.append(Card(name, p.prepare.dataset, rows, Path(link).as_posix() if link else None))
    if not cards:
        raise UserError("report: found no study with results; `latentlab reproduce` makes them")
    with replacing(target) as temporary:
        temporary.write_text(index(cards), encoding="utf-8")
    return target
