"""Which libraries each stage computes with, in which versions."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TRAINED = ("tensorflow", "keras", "numpy", "ml_dtypes")
DRAWN = ("matplotlib", "pillow", "numpy")
LIBRARIES: dict[str, tuple[str, ...]] = {
    "prepare": ("scikit-learn", "scipy", *DRAWN),
    "classifier": TRAINED,
    "references": ("pillow", "scikit-image", "scikit-learn", "scipy", "numpy"),
    "train": TRAINED,
    "extract": (*TRAINED, "scikit-learn", "scipy"),
    "tsne": ("opentsne", "scikit-learn", "scipy", "numpy"),
    "evaluate": ("pillow", "scikit-image", "scikit-learn", "scipy", "numpy"),
    "plot": ("scikit-learn", "scipy", *DRAWN),
    "compare": DRAWN,
    "report": ("bokeh", "deflate", "jinja2", "markupsafe", "scikit-learn", "scipy", *DRAWN),
    "track": (),
}


def libraries_of(stage: str, others: Iterable[str] = ()) -> dict[str, str]:
    """The installed version of each library of a stage, and of `others`."""
    return {name: version(name) for name in sorted({*LIBRARIES[stage], *others})}


def pinned(requirements: str) -> dict[str, str]:
    """The versions in the text of a requirements.lock, as far as they are for this Python and system."""
    lines = (line.partition(" \\")[0] for line in requirements.splitlines() if re.match(r"[\w.-]+==", line))
    wanted = [Requirement(line) for line in lines]
    return {
        canonicalize_name(each.name): next(iter(each.specifier)).version
        for each in wanted
        if each.marker is None or each.marker.evaluate()
    }


def not_as_locked(requirements: Path) -> list[str]:
    """A line for each library of a stage whose installed version is not that of the lock file, if there is one."""
    if not requirements.exists():
        return []
    locked = pinned(requirements.read_text())
    lines = []
    for name in sorted({name for names in LIBRARIES.values() for name in names}):
        wanted, found = locked.get(canonicalize_name(name)), _installed(name)
        if wanted and found != wanted:
            lines.append(f"{name} {found or 'is not installed'}, where {requirements.name} has {wanted}")
    return lines


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
