"""The page of a study: one HTML file that needs nothing else."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import bokeh
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from latentlab.report.packed import deflated, for_script

HERE = Path(__file__).parent
LIBRARIES = ("bokeh.min.js", "bokeh-api.min.js")  # as Bokeh's package has them
SCRIPTS = ("bytes.js", "table.js", "charts.js", "explorer.js", "decode.js", "page.js")  # each after those it needs


def page(words: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """The page: `words` for its template, which stand there as text whatever is in them, `content` for its scripts."""
    folder = files(bokeh) / "server/static/js"
    library = "\n".join((folder / name).read_text(encoding="utf-8") for name in LIBRARIES)
    return render(
        "page.html",
        **words,
        library=Markup(deflated(library)),
        data=Markup(for_script(content)),
        scripts=[Markup(_own(name)) for name in SCRIPTS],
    )


def render(template: str, **words: Any) -> str:
    """A template of this folder in the style of all pages."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(**words, style=Markup(_own("style.css")))


def _own(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
