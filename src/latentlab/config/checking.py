"""What is wrong with a block of parameters, in a line: the key, what was found, what is allowed."""

from collections.abc import Set
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from latentlab.config.settings import Settings
from latentlab.errors import UserError

Block = TypeVar("Block", bound=Settings)


def divided(
    entry: dict[str, Any], own: Set[str], options: type[Settings], prefix: str
) -> tuple[dict[str, Any], Settings]:
    """The `own` keys of a block, and the others as the options of what the block chooses. Raises `UserError`."""
    known = own | options.model_fields.keys()
    for key in entry:
        if key not in known:
            raise UserError(f"params.yaml: {prefix}{printed(key)}: unknown key, allowed: {', '.join(sorted(known))}")
    rest = {key: value for key, value in entry.items() if key in options.model_fields}
    return {key: value for key, value in entry.items() if key in own}, check(options, rest, prefix)


def check(kind: type[Block], content: Any, prefix: str, file: str = "params.yaml") -> Block:
    """A block of one `kind`, whose keys follow `prefix` in the `file`. Raises `UserError`."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{file}: {_describe(kind, error, prefix)}") from None


def _describe(kind: type[Settings], error: ValidationError, prefix: str) -> str:
    """The first of pydantic's errors as: key: what was found, what is allowed."""
    first = error.errors()[0]
    key = prefix + ".".join(printed(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key, allowed: {', '.join(_allowed_keys(kind, first['loc']))}"
    if first["type"] == "missing":
        return f"{key}: missing"
    allowed = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{key}: found {first['input']!r}, allowed: {allowed}"


def printed(key: Any) -> str:
    """A key as it stands in the file, in quotes if it would break the line."""
    return str(key) if str(key).isprintable() else repr(key)


def _allowed_keys(kind: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        inner = kind.model_fields[str(part)].annotation
        (kind,) = [
            block for block in (inner, *get_args(inner)) if isinstance(block, type) and issubclass(block, Settings)
        ]
    return sorted(kind.model_fields)
