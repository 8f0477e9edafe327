"""The stages of a study in a clone, run from nothing."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from latentlab.config import paths
from latentlab.config.stages import SINGLE_STAGES
from latentlab.errors import UserError
from latentlab.pipeline.lock import stages_in_lock
from latentlab.runner import forks, parent, zygote
from latentlab.runner.display import Board, Display, Terminal
from latentlab.runner.labels import Label
from latentlab.runner.reproduce import EndedError, StagesFailedError, reproduce
from latentlab.runner.scheduler import State
from latentlab.verify.clone import Clone, NotVerifiedError

LAST_LINES = 5  # of a stage that failed
NO_RESULTS = ("plan", "track")  # what makes plans, of which results are made, and what mirrors results


@dataclass(frozen=True)
class Remade:
    """What came of it: the stages in the order of the graph, their entries in the new dvc.lock, what failed and why."""

    order: list[str]
    lock: Mapping[str, Mapping[str, list[dict[str, str]]]]
    failed: Mapping[str, list[str]]  # the last lines of a stage that failed; none of one that was left out for that


class Silent:
    """For logs: nothing is said, but noted where each stage stands."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None: ...

    def turned(self, label: Label, state: State) -> None:
        """Note it."""
        self.board.turned(label, state)

    def said(self, label: Label, line: str, stays: bool) -> None:
        """Its log has it."""

    def note(self, text: str, fault: bool = False) -> None:
        """The report has it."""


def targets(recorded: Sequence[str], variants: Sequence[str]) -> list[str]:
    """The stages that make all results in dvc.lock, or those of some variants."""
    wanted = {f"{stage}@{variant}" for stage in ("plot", "evaluate") for variant in variants}
    return [name for name in recorded if (name in wanted if variants else name not in NO_RESULTS)]


def remake(clone: Clone, study: Path, names: Sequence[str], jobs: int | None) -> Remade:
    """Run stages of a study in a clone, and what they need. Raises `NotVerifiedError` and `EndedError`."""
    boards: list[Board] = []

    def show(board: Board) -> Display:
        boards.append(board)
        # standard output is for the report
        return Terminal(board, Console(stderr=True)) if sys.stderr.isatty() else Silent(board)

    with _environment(clone.variables()), chdir(study):
        try:
            reproduce(names, jobs, warm=_same_forks(clone.root), show=show)
        except StagesFailedError:
            pass  # the board has them
        except EndedError as ended:  # it would say that the same command goes on from there
            raise ended_by(ended.exit_code - 128) from None
        except UserError as error:
            raise NotVerifiedError(f"the clone: {error}") from None
        states = {label.name: row.state for board in boards for label, row in board.rows.items()}
        order = [name for name in states if name.partition("@")[0] in SINGLE_STAGES or "@" in name]
        failed = {name: _last_lines(name, state) for name, state in states.items() if _is_missing(state)}
        return Remade([name for name in order if name not in NO_RESULTS or name in failed], stages_in_lock(), failed)


def ended_by(number: int) -> EndedError:
    """What a signal makes of all: the clone is removed on the way out."""
    return EndedError("verify: interrupted, its temporary clone is removed", number)


def _is_missing(state: State) -> bool:
    return state not in (State.DONE, State.UNCHANGED)


def _last_lines(name: str, state: State) -> list[str]:
    log = paths.log(name)
    if state is not State.FAILED:
        return []
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
    return lines or ["it could not be started, or said nothing"]


def _same_forks(root: Path) -> bool:
    """Whether the clone's own processes that fork stages, which have its source, speak as this runner does."""
    ours = [Path(str(module.__file__)) for module in (forks, parent, zygote)]
    theirs = [root / "src/latentlab/runner" / path.name for path in ours]
    return all(
        other.is_file() and other.read_bytes() == path.read_bytes() for path, other in zip(ours, theirs, strict=True)
    )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Other environment variables for a while."""
    before = dict(os.environ)
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
