"""A variant's result as MLflow is to show it: which files, from where, with which hashes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.pipeline.inputs import Recorded
from latentlab.tracking.glance import FINISHED, Held
from latentlab.tracking.place import Place

HASH = "md5."  # tags that begin so tell which files the run has, by the hash in dvc.lock


class Files(Protocol):
    """Where a result's files are taken from."""

    def get(self, path: Path, expected: str) -> Path:
        """A file or folder with the MD5 `expected`. Raises `UserError` if there is none."""


@dataclass(frozen=True)
class Result:
    """One variant's result: what dvc.lock says of it, where its files are, and tags on where it comes from."""

    study: str
    variant: str
    recorded: Recorded
    files: Files
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        """What identifies it."""
        return self.recorded.inputs.key

    def parts(self) -> dict[str, Path]:
        """Its files, by the name of their tag."""
        return {
            "history": paths.history(self.variant),
            "metrics": paths.metrics(self.variant),
            "encoder": paths.encoder(self.variant),
            "decoder": paths.decoder(self.variant),
            "features": paths.latents(self.variant),
            "embedding": paths.embedding(self.variant),
            "plots": paths.plots(self.variant),
        }

    def hashes(self) -> dict[str, str]:
        """The hash of each part, as the tags of its run."""
        return {HASH + part: _hash(self.recorded.outputs, path) for part, path in self.parts().items()}

    def get(self, part: str) -> Path:
        """A part, verified."""
        return self.get_file(self.parts()[part])

    def get_file(self, path: Path) -> Path:
        """A file of the result, verified."""
        return self.files.get(path, _hash(self.recorded.outputs, path))

    def get_input(self, path: Path) -> Path:
        """A file that the result was made from, verified."""
        return self.files.get(path, _hash(self.recorded.inputs.data, path))

    def is_complete_in(self, held: Held, place: Place) -> bool:
        """Whether a run has all of it, and nothing better is known of where it comes from."""
        has_parts = all(held.tags.get(name) == value for name, value in self.hashes().items())
        return has_parts and held.status == FINISHED and held.has_files(place) and not self.knows_better(held)

    def knows_better(self, held: Held) -> bool:
        """Whether the result is in a commit now while the run knows none, or one with uncommitted changes."""
        known, offered = held.tags.get("git.dirty"), self.tags.get("git.dirty")
        return offered is not None and (known is None or (known == "true" and offered == "false"))


def _hash(known: Mapping[str, str], path: Path) -> str:
    if path.as_posix() not in known:  # a commit from before a stage read or wrote it
        raise UserError(f"dvc.lock: found no {path} among the files of the stages; `dvc repro` adds it")
    return known[path.as_posix()]
