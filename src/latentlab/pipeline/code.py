"""What a stage computes with: the modules that it imports, by a hash of what they do."""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from latentlab.errors import UserError

PACKAGE = Path(__file__).parents[1]
NOT_COUNTED = {  # rooms and modules that no result depends on
    "errors": "words alone",
    "config": "parameters count by their values, paths by what is read and written there",
    "pipeline": "how stages are run",
    "runner": "how stages are started",
    "tracking": "MLflow is a mirror",
    "stages/_command": "how a main becomes a command",
    "stages/_guard": "what happens when a stage fails",
    "stages/_source": "which tree a command runs",
}


def code_of(roots: Iterable[str], package: Path = PACKAGE) -> dict[str, str]:
    """The fingerprint of each file that modules such as `stages/train` reach by imports, themselves included.

    Imports inside functions and the `__init__` of each folder on the way count, as do files that are not Python in a
    folder that is reached. Modules that are found by name, as architectures are, have to be among the `roots`. Raises
    `UserError` for a file that is no Python.
    """
    files = set(_closure(roots, package))
    folders = {file.parent for file in files}
    others = {path for folder in folders for path in folder.iterdir() if path.is_file() and _counts(path)}
    return {
        f"src/latentlab/{path.relative_to(package).as_posix()}": file_fingerprint(path)
        for path in sorted(files | others)
    }


def _counts(path: Path) -> bool:
    return path.suffix not in (".py", ".pyc") and not path.name.startswith(".")


def _closure(roots: Iterable[str], package: Path) -> Iterator[Path]:
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in seen or name in NOT_COUNTED or name.split("/")[0] in NOT_COUNTED:
            continue
        seen.add(name)
        path = package / f"{name}.py"
        if (package / name).is_dir():
            path = package / name / "__init__.py"
        if path.is_file():
            yield path
            todo += _imported_or_named(path)
            todo += [str(parent) for parent in Path(name).parents]


def _imported_or_named(path: Path) -> tuple[str, ...]:
    """What a file imports. Raises `UserError` that names it if it is no Python."""
    try:
        return imported(path)
    except SyntaxError as error:
        raise UserError(f"{path}: line {error.lineno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no text ({error.reason})") from None


def imported(path: Path) -> tuple[str, ...]:
    """Modules of this package that a file imports, and names that may be modules: `storage/npz`."""
    return _imported(path.read_text())


@lru_cache(maxsize=1000)
def _imported(source: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in _running(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name.partition(".")[2].replace(".", "/") for name in names if name.startswith("latentlab."))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, but for what stands there for types alone."""
    if not for_types_alone(node):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _running(child)


def for_types_alone(node: ast.AST) -> bool:
    """Whether a node is `if TYPE_CHECKING:`, which never runs."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def file_fingerprint(path: Path) -> str:
    """Of a Python file what it does, of another one its bytes."""
    content = path.read_bytes()
    return fingerprint(content.decode()) if path.suffix == ".py" else _short(content)


@lru_cache(maxsize=1000)
def fingerprint(source: str) -> str:
    """The first 16 digits of SHA-256 of a module's syntax tree without comments, docstrings and layout.

    The same under Python 3.11 to 3.13, unlike `ast.dump` and `ast.unparse`: fields without a value, by which newer
    versions extend the tree, are left out. Annotations count, as pydantic reads them. Raises `SyntaxError`.
    """
    return _short(json.dumps(_plain(ast.parse(source))).encode())


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """A node as a list of its kind and its fields, in plain values."""
    if isinstance(value, ast.AST):
        fields = [[name, _plain(inner)] for name, inner in _fields(value) if inner not in (None, [])]
        return [type(value).__name__, *fields]
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return [type(value).__name__, repr(value)]


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The fields of a node; a block is without a docstring and without imports for types alone."""
    documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    for name, inner in ast.iter_fields(node):
        if name == "body" and isinstance(inner, list):  # no list is the body of a lambda or a conditional expression
            start = 1 if documented and ast.get_docstring(node, clean=False) is not None else 0  # type: ignore[arg-type]
            yield name, [statement for statement in inner[start:] if not for_types_alone(statement)]
        else:
            yield name, inner
