"""`published.yaml` in a study's folder, if there is one: what others have published, to stand beside its results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from latentlab.config import paths
from latentlab.config.checking import check
from latentlab.config.settings import Settings
from latentlab.errors import UserError
from latentlab.storage.yaml import read_yaml_list

Words = Annotated[str, Field(min_length=1)]
OF = ("variant", "variants", "row")


class Published(Settings):
    """One value: of a `variant` as it is here, of the mean of several `variants`, or of a `row`.

    A row is one of the references by its name, or of something that is not here.

    `metric` is its name in a metrics file, `reconstruction.bce`. `setting` says how it was come by there, `remark` what
    is otherwise here.
    """

    variant: str | None = None
    variants: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    row: Words | None = None
    metric: str
    value: float
    source: Words
    setting: Words | None = None
    remark: Words | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The variants that it is of; none of a row of its own."""
        return self.variants or ((self.variant,) if self.variant else ())


def load(variants: Sequence[str], path: Path = paths.PUBLISHED) -> tuple[Published, ...]:
    """The entries of a study with these variants; none without the file. Raises `UserError` that names file and key."""
    if not path.exists():
        return ()
    return tuple(_entry(content, f"{at}.", variants, path) for at, content in enumerate(read_yaml_list(path)))


def _entry(content: Any, prefix: str, variants: Sequence[str], path: Path) -> Published:
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: {prefix[:-1]}: found {content!r}, allowed: keys such as variant, metric, value, source"
        )
    entry = check(Published, content, prefix, str(path))
    given = [name for name in OF if getattr(entry, name) is not None]
    if len(given) != 1:
        raise UserError(
            f"{path}: {prefix[:-1]}: found {' and '.join(given) or 'none'}, allowed: one of {', '.join(OF)}"
        )
    for name in entry.names:
        if name not in variants:
            raise UserError(f"{path}: {prefix}{given[0]}: found {name!r}, allowed: {', '.join(variants)}")
    return entry
