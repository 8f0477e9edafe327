"""The outputs of a stage, as dvc.lock has them and as they were made again, file by file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from latentlab.config import paths
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import hashes
from latentlab.verify.compare import Comparison, compare
from latentlab.verify.contents import Contents, files_in

Entry = Mapping[str, list[dict[str, str]]]
NOT_HERE = "its size is unknown, as the committed file is not here"
EDITED = "edited since it was recorded"


@dataclass(frozen=True)
class FileReport:
    """A file that is not as it was recorded: its largest difference, if both contents are here; else a note."""

    file: str
    found: Comparison | None
    note: str = ""

    @property
    def within(self) -> bool:
        """Whether it is within tolerance."""
        return self.found is not None and self.found.difference.within

    def excuse(self, why: str) -> "FileReport":
        """The same, within tolerance, if it has a size."""
        if self.found is None:
            return self
        return replace(self, found=replace(self.found, difference=self.found.difference.excuse(why)))

    @property
    def words(self) -> str:
        """All of it, in one line."""
        return f"{self.file}: {self.note or (self.found.difference.words if self.found else '')}"


def compare_outputs(old: Entry, new: Entry, contents: Contents, study: Path) -> list[FileReport]:
    """The files of a stage that are not as they were; `study` is the folder where they were made again."""
    ours, theirs = hashes(old, "outs"), hashes(new, "outs")
    found: list[FileReport] = []
    for path in [*ours, *(each for each in theirs if each not in ours)]:
        if path not in ours or path not in theirs:
            found.append(_only(path, path in ours))
        elif ours[path] != theirs[path]:
            found += _compare_output(path, ours[path], contents, study)
    return found


def _only(file: str, was_there: bool) -> FileReport:
    return FileReport(file, None, "was recorded, and is not made any more" if was_there else "was not recorded")


def _compare_output(path: str, value: str, contents: Contents, study: Path) -> Iterator[FileReport]:
    old, new = contents.listing(value, path), files_in(study / path)
    if old is None:
        yield FileReport(path, None, f"other files; {NOT_HERE}")
        return
    for name in sorted(old.keys() | new.keys()):
        file = f"{path}/{name}" if name else path
        if name not in old or name not in new:
            yield _only(file, name in old)
        elif old[name] != new[name]:
            known = contents.find(old[name], file)
            found = compare(file, known, study / file) if known else None
            yield FileReport(file, found, "" if found else f"differs; {NOT_HERE}")


def edited_metrics(old: Entry, new: Entry, contents: Contents, study: Path) -> list[FileReport]:
    """The metrics and tables in git that are not what dvc.lock says: somebody has edited them."""
    remade = hashes(new, "outs")
    return [
        _edited(path, value, contents, study / path, remade.get(path) == value)
        for path, value in hashes(old, "outs").items()
        if (Path(path).parent == paths.METRICS or Path(path) == paths.TABLES)
        and (contents.committed / path).exists()
        and md5(contents.committed / path) != value
    ]


def _edited(path: str, value: str, contents: Contents, made: Path, made_is_recorded: bool) -> FileReport:
    recorded = contents.find(value, path) or (made if made_is_recorded else None)
    if recorded is None and not made.exists():
        return FileReport(path, None, EDITED)
    one = compare(path, recorded or made, contents.committed / path).difference
    other = one.old if recorded else "other content"
    return FileReport(path, None, f"{EDITED}: {one.place} {one.new} where dvc.lock has {other}")
