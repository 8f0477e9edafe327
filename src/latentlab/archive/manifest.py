"""What an archive says of itself, in `latentlab.json`."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from latentlab.config.variants import NAME
from latentlab.errors import UserError

MANIFEST, ABOUT = "latentlab.json", "README.txt"
FORMAT = 1
ORIGIN = re.compile(
    r"(git\.(commit|dirty|diff)|(platform|version)\.[\w.-]{1,100})"
)  # tags that tell where a result comes from
LONGEST = 500  # letters of such a tag
TEXT = """A study of latentlab: {study}

params.yaml and plan/ say what was done, dvc.lock what each stage has read and written, by its MD5.
metrics/ holds the numbers (JSON), results.md the same as tables, plots/ the pictures.
report/index.html is all of it in one page; open it in a browser.
models/<variant>/encoder.keras and decoder.keras open in Keras 3: keras.saving.load_model(path).
data/latents/<variant>.pkl holds the features: a pickled dict of numpy arrays.
data/*/*.npz hold images, with names that say which: numpy.load(path).
latentlab.json has the size and the MD5 of every file, and where each result comes from.

`latentlab import` of this file checks all hashes and puts the study into a project.
"""


@dataclass(frozen=True)
class Stored:
    """A file in an archive: bytes and MD5."""

    size: int
    md5: str


@dataclass(frozen=True)
class Manifest:
    """A study's name, its files by path, and by variant the tags that tell where the result comes from."""

    study: str
    files: Mapping[str, Stored]
    origins: Mapping[str, Mapping[str, str]]

    @property
    def text(self) -> str:
        """The file's content."""
        return json.dumps({"format": FORMAT} | asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def of_text(cls, text: str) -> "Manifest":
        """A manifest from the text of its file. Raises `UserError`."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise UserError(f"{MANIFEST}: found no manifest of format {FORMAT}, allowed: archives of this kind")
        match content:
            case {"study": str(study), "files": dict(files), "origins": dict(origins)} if NAME.fullmatch(study):
                return cls(study, {path: _stored(path, each) for path, each in files.items()}, _origins(origins))
        raise UserError(
            f"{MANIFEST}: found no study, files and origins, allowed: archives that `latentlab export` made"
        )


def _stored(path: str, content: Any) -> Stored:
    match content:
        case {"size": int(size), "md5": str(value)} if size >= 0 and re.fullmatch("[0-9a-f]{32}", value):
            return Stored(size, value)
    raise UserError(f"{MANIFEST}: found no size and MD5 of {path[:100]!r}, allowed: those of every file")


def _origins(content: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Tags are shown by MLflow, and the commit stands in a command there, so nothing else is taken."""
    return {variant: origin_of(tags) for variant, tags in content.items() if isinstance(tags, dict)}


def origin_of(tags: Mapping[Any, Any]) -> dict[str, str]:
    """Those of the tags that tell where a result comes from."""
    plain = {name: value for name, value in tags.items() if isinstance(name, str) and isinstance(value, str)}
    kept = {name: value for name, value in plain.items() if ORIGIN.fullmatch(name) and len(value) <= LONGEST}
    if not re.fullmatch("[0-9a-f]{40}", kept.get("git.commit", "")):
        kept = {name: value for name, value in kept.items() if not name.startswith("git.")}
    return kept
