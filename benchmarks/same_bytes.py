"""Whether two projects hold the same results: `python -m benchmarks.same_bytes A B`.

The proof that a change of the code left results alone. A and B are folders with a `dvc.lock`; where its stages' outputs
lie is for each project to say, they are told apart by stage and by the last part of their path. Files are compared byte
by byte as they lie there now. Exits with 1 if anything differs or is missing.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latentlab.errors import UserError
from latentlab.storage.reading import reading
from latentlab.storage.yaml import read_yaml

NO_RESULTS = {"check", "plan", "track"}  # stages that look at results or at parameters
CHUNK = 2**20

Outputs = dict[str, dict[str, Path]]  # stage -> output's name -> file or folder


@dataclass(frozen=True)
class Difference:
    """What is not the same in the two projects."""

    stage: str
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.file}: {self.reason}"


def main(arguments: list[str] | None = None) -> int:
    """Print a line a stage; 0 if all bytes are the same, 1 if not, 2 if a folder has nothing to compare."""
    parser = argparse.ArgumentParser(description="Whether two projects hold the same results, byte for byte.")
    parser.add_argument("a", type=Path, help="folder with a dvc.lock and its outputs")
    parser.add_argument("b", type=Path, help="another one")
    folders = parser.parse_args(arguments)
    try:
        first, second = outputs(folders.a), outputs(folders.b)
        differing = 0
        for stage in sorted(first.keys() | second.keys()):
            found = list(differences(stage, first.get(stage), second.get(stage)))
            differing += bool(found)
            print("\n".join(map(str, found)) if found else f"{stage}: same bytes")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    count = len(first.keys() | second.keys())
    print(f"{count - differing} of {count} stages have the same bytes")
    return 1 if differing or not count else 0


def outputs(folder: Path) -> Outputs:
    """Where each stage's outputs lie, by dvc.lock. Raises `UserError`."""
    stages = read_yaml(folder / "dvc.lock", made_by="dvc repro").get("stages") or {}
    return {
        stage: _by_name(stage, [folder / output["path"] for output in entry.get("outs", [])])
        for stage, entry in stages.items()
        if stage.partition("@")[0] not in NO_RESULTS
    }


def _by_name(stage: str, paths: list[Path]) -> dict[str, Path]:
    """Outputs by name, with their folder's before it where two have the same: `uses/simple.npz`."""
    names = [path.name for path in paths]
    named = {path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}": path for path in paths}
    if len(named) < len(paths):
        raise UserError(f"{stage}: found outputs whose paths end alike, allowed: one of a name")
    return named


def differences(stage: str, first: dict[str, Path] | None, second: dict[str, Path] | None) -> Iterator[Difference]:
    """What differs between the outputs of a stage, file by file."""
    if first is None or second is None:
        yield Difference(stage, "dvc.lock", f"only in {'A' if second is None else 'B'}")
        return
    for name in sorted(first.keys() | second.keys()):
        ours, theirs = (_files(stage_outputs.get(name)) for stage_outputs in (first, second))
        for inner in sorted(ours.keys() | theirs.keys()):
            file = f"{name}/{inner}" if inner else name
            if inner not in ours or inner not in theirs:
                yield Difference(stage, file, f"only in {'A' if inner in ours else 'B'}")
            elif (position := first_difference(ours[inner], theirs[inner])) is not None:
                sizes = " and ".join(f"{path.stat().st_size:,}" for path in (ours[inner], theirs[inner]))
                yield Difference(stage, file, f"differs from byte {position:,} on, of {sizes}")
        if not ours and not theirs:
            yield Difference(stage, name, "nothing in either")


def _files(output: Path | None) -> dict[str, Path]:
    """The files of an output by their path inside it, which is empty for a file; nothing if it is not there."""
    if output is None or not output.exists():
        return {}
    if output.is_file():
        return {"": output}
    return {path.relative_to(output).as_posix(): path for path in output.rglob("*") if path.is_file()}


def first_difference(ours: Path, theirs: Path) -> int | None:
    """Where two files differ first, counted in bytes from 0, or None."""
    with reading(ours), reading(theirs), ours.open("rb") as one, theirs.open("rb") as other:
        start = 0
        while True:
            left, right = one.read(CHUNK), other.read(CHUNK)
            if left != right:
                pairs = enumerate(zip(left, right, strict=False))
                return start + next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))
            if not left:
                return None
            start += len(left)


if __name__ == "__main__":
    sys.exit(main())
