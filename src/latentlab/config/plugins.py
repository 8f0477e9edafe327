"""Models and datasets are found by their file name: dropping in a file is all it takes to add one.

There is no registry on purpose: it would be one more file to touch, and code that every training depends on.
"""

import importlib
import pkgutil
from types import ModuleType

from latentlab.errors import UserError


def available(package: str) -> list[str]:
    """Names of the modules in `latentlab.<package>`, sorted. Names with a leading underscore do not count."""
    folder = importlib.import_module(f"latentlab.{package}")
    return sorted(module.name for module in pkgutil.iter_modules(folder.__path__) if module.name[0] != "_")


def load(package: str, name: str, key: str) -> ModuleType:
    """The module `latentlab.<package>.<name>`.

    `key` is the parameter that chose it. Raises `UserError` that names the key and the valid names.
    """
    names = available(package)
    if name not in names:
        raise UserError(f"params.yaml: {key}: found {name!r}, allowed: {', '.join(names)}")
    return importlib.import_module(f"latentlab.{package}.{name}")


def solves(architecture: ModuleType) -> bool:
    """Whether an architecture finds its weights by its function `solve`, without epochs."""
    return hasattr(architecture, "solve")
