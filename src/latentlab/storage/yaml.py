"""YAML files: nested plain values under keys."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from latentlab.errors import UserError
from latentlab.storage.reading import reading

DEEPEST = 50  # levels of nesting; Python gives up at some hundred when it prints them
TOO_DEEP = f"nested more than {DEEPEST} levels deep"


def read_yaml(path: Path, made_by: str = "") -> dict[str, Any]:
    """The content of a YAML file that holds keys. `made_by` is the command that makes it. Raises `UserError`."""
    with reading(path, UnicodeDecodeError, made_by=made_by):
        text = path.read_text()
    return parse_yaml(text, str(path))


def read_yaml_list(path: Path) -> list[Any]:
    """The content of a YAML file of the user's that holds a list. Raises `UserError`."""
    with reading(path, UnicodeDecodeError, made_by=""):
        text = path.read_text()
    content = _parsed(text, str(path))
    if not isinstance(content, list):
        raise UserError(f"{path}: found no list, allowed: a list of entries")
    return content


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """The same of text that comes from the file `name`. Raises `UserError`."""
    content = _parsed(text, name)
    if not isinstance(content, dict):
        raise UserError(f"{name}: found no keys, allowed: keys with values")
    return content


def _parsed(text: str, name: str) -> Any:
    try:
        content = YAML(typ="safe").load(text)
        _check_printable(content, {})
    except RecursionError:
        raise UserError(f"{name}: not valid YAML: {TOO_DEEP}") from None
    # ValueError: of a date, say, that is none; LookupError: of `!!bool abc` or `!!int ""`
    except (YAMLError, ValueError, LookupError) as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)
        raise UserError(f"{name}: not valid YAML: {' '.join(reason.split())}") from None
    return content


def _check_printable(value: Any, known: dict[int, int]) -> int:
    """How deep a value is nested. Raises `ValueError` for what Python can read and not write: nobody could tell of it.

    `known` has the depth of what was looked at: an alias may stand for something large, or for what it is in.
    """
    if isinstance(value, int):
        str(value)  # fails for thousands of digits, which can be read as hexadecimal
    if not isinstance(value, dict | list | tuple):
        return 0
    if id(value) not in known:
        known[id(value)] = 0
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + max((_check_printable(each, known) for each in inner), default=0)
        if known[id(value)] > DEEPEST:
            raise ValueError(TOO_DEEP)
    return known[id(value)]
