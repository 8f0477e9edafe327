"""The user's own files. They lie below data/raw, which the stage `prepare` depends on."""

from pathlib import Path

from pydantic import field_validator

from latentlab.config.paths import RAW
from latentlab.config.settings import Settings
from latentlab.errors import UserError


class Own(Settings):
    """`path` of the file or folder with the data, below data/raw: DVC sees changes there."""

    path: str

    @field_validator("path")
    @classmethod
    def _below_raw(cls, value: str) -> str:
        path = Path(value)
        if path.is_absolute() or path.parts[:2] != RAW.parts or ".." in path.parts or len(path.parts) == 2:
            raise ValueError(f"a path below {RAW}/, where changes are seen (copy the data to it)")
        return value

    def existing(self) -> Path:
        """The path. Raises `UserError` if nothing is there, or if it leads through a linked folder."""
        path = Path(self.path)
        try:
            path.stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"params.yaml: prepare.path: found {self.path!r}: {reason}") from None
        for part in (*reversed(path.parents[: -len(RAW.parts) - 1]), path):
            check_no_linked_folder(part)
        return path


def check_no_linked_folder(path: Path) -> None:
    """Raise `UserError` for a link to a folder: DVC does not look behind it, and would miss what changes there."""
    if path.is_symlink() and path.is_dir():
        raise UserError(f"{path}: found a link to a folder, allowed: folders, and links to files; copy the data to it")
