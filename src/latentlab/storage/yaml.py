"""YAML files: nested plain values under keys."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from latentlab.errors import UserError
from latentlab.storage.reading import reading


def read_yaml(path: Path, made_by: str = "") -> dict[str, Any]:
    """The content of a YAML file that holds keys. `made_by` is the command that makes it. Raises `UserError`."""
    with reading(path, UnicodeDecodeError, made_by=made_by):
        text = path.read_text()
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """The same of text that comes from the file `name`. Raises `UserError`."""
    try:
        content = YAML(typ="safe").load(text)
    except (YAMLError, ValueError) as error:  # ValueError: of a date, say, that is none
        raise UserError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"{name}: found no keys, allowed: keys with values")
    return content
