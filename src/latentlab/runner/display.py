"""What one sees of a run: lines of each stage as they come, or in a terminal a table that is alive."""

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from latentlab.runner.labels import Label
from latentlab.runner.scheduler import State

SYMBOLS = {
    State.WAITING: ("·", "dim"),
    State.RUNNING: ("▸", "bold cyan"),
    State.DONE: ("✓", "green"),
    State.UNCHANGED: ("=", "dim"),
    State.FAILED: ("✗", "bold red"),
    State.LEFT_OUT: ("○", "yellow"),
    State.ENDED: ("■", "yellow"),
}
FAULTS = ("warning:", "error:")
FRAME = 8  # lines of a terminal that the table leaves to others
PER_SECOND = 4
ENDED = (State.DONE, State.UNCHANGED, State.FAILED, State.LEFT_OUT)


class Display(Protocol):
    """Told of all that happens, in whatever thread."""

    def turned(self, label: Label, state: State) -> None:
        """A stage stands there now."""

    def said(self, label: Label, line: str, stays: bool) -> None:
        """A line of a stage; one that does not stay is written over by the next."""

    def note(self, text: str, fault: bool = False) -> None:
        """A line of the run itself."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *_: object) -> None: ...


def say(text: str, fault: bool = False) -> None:
    """Print a line, at once. Where nobody reads any more, as after `| head`, this one and all after it are lost."""
    stream = sys.stderr if fault else sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())  # what is left would be a fault at the end of Python


class Lines:
    """Where there is no terminal: plain lines, prefixed by the stage."""

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None: ...

    def turned(self, label: Label, state: State) -> None:
        """Nothing is said: the stages speak for themselves."""

    def said(self, label: Label, line: str, stays: bool) -> None:
        """Print it, at once, if it stays."""
        if stays:
            say(f"{label}: {line}", line.startswith(FAULTS))

    def note(self, text: str, fault: bool = False) -> None:
        """Print it, at once."""
        say(text, fault)


@dataclass
class _Row:
    """What is known of a stage."""

    state: State = State.WAITING
    began: float = 0.0
    seconds: float = 0.0
    line: str = ""


@dataclass
class Board:
    """The state of all stages, and how it looks. `before` has the seconds that stages took another time."""

    labels: Sequence[Label]
    before: Mapping[Label, float] = field(default_factory=dict)
    at_once: int = 1

    def __post_init__(self) -> None:
        self.rows = {label: _Row() for label in self.labels}
        self.began = time.monotonic()
        self.columns = list(dict.fromkeys(label.stage for label in self.labels if label.variant))
        self.singles = [label for label in self.labels if not label.variant]
        self.lines = {label.row: [each for each in self.labels if each.row == label.row] for label in self.labels}

    def turned(self, label: Label, state: State) -> None:
        """Take in where a stage stands now."""
        row, now = self.rows[label], time.monotonic()
        if state is State.RUNNING:
            row.began = now
        elif row.state is State.RUNNING:
            row.seconds = now - row.began
        row.state, row.line = state, ""

    def picture(self, height: int) -> RenderableType:
        """All of it, for a terminal of so many lines."""
        running = [label for label, row in self.rows.items() if row.state is State.RUNNING]
        told = [
            Text.assemble((f"{label} ", "cyan"), self.rows[label].line, no_wrap=True, overflow="ellipsis")
            for label in running
        ]
        room = max(height - FRAME - len(told), 1)
        return Group(self._head(), self._singles(), self._table(room), *told)

    def _head(self) -> Text:
        ended = sum(row.state in ENDED for row in self.rows.values())
        parts = [f"{ended} of {len(self.rows)} stages", _clock(time.monotonic() - self.began)]
        if (left := self.remaining()) is not None and ended < len(self.rows):
            parts.append(f"about {_clock(left)} left")
        return Text(" · ".join(parts), style="bold")

    def remaining(self) -> float | None:
        """Seconds that are left at a guess, if all stages that are left were timed before."""
        left = [label for label, row in self.rows.items() if row.state in (State.WAITING, State.RUNNING)]
        if any(label not in self.before for label in left):
            return None
        now = time.monotonic()
        passed = sum(now - row.began for row in self.rows.values() if row.state is State.RUNNING)
        return max(0.0, sum(self.before[label] for label in left) - passed) / self.at_once

    def _singles(self) -> Text:
        parts = [Text.assemble(str(label), " ", self._cell(label)) for label in self.singles]
        return Text("   ").join(parts)

    def _table(self, room: int) -> RenderableType:
        names = [name for name, labels in self.lines.items() if any(label.variant for label in labels)]
        if len(names) > room:  # what happens comes first
            alive = (State.RUNNING, State.FAILED)
            names.sort(key=lambda name: not any(self.rows[label].state in alive for label in self.lines[name]))
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
        table.add_column("")
        for column in self.columns:
            table.add_column(column, header_style="dim", min_width=8)
        for name in names[:room]:
            cells = {label.stage: self._cell(label) for label in self.lines[name] if label.variant}
            table.add_row(escape(name), *(cells.get(column, Text()) for column in self.columns))
        more = len(names) - room
        return Group(table, Text(f"and {more} more variants", style="dim")) if more > 0 else table

    def _cell(self, label: Label) -> Text:
        row = self.rows[label]
        symbol, style = SYMBOLS[row.state]
        seconds = time.monotonic() - row.began if row.state is State.RUNNING else row.seconds
        return Text(f"{symbol} {_short(seconds)}" if seconds else symbol, style=style)


class Terminal:
    """The board, alive, with lines that stay above it."""

    def __init__(self, board: Board, console: Console | None = None) -> None:
        self.board = board
        self.console = console or Console()
        self._lock = threading.RLock()
        self._live = Live(
            get_renderable=self._picture, console=self.console, refresh_per_second=PER_SECOND, transient=False
        )

    def __enter__(self) -> "Terminal":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._live.stop()

    def turned(self, label: Label, state: State) -> None:
        """Show it."""
        with self._lock:
            self.board.turned(label, state)

    def said(self, label: Label, line: str, stays: bool) -> None:
        """Show it beside the stage; what is a warning or an error stays above the board."""
        with self._lock:
            self.board.rows[label].line = line
        if stays and line.startswith(FAULTS):
            self._print(Text.assemble((f"{label}: ", "cyan"), line))

    def note(self, text: str, fault: bool = False) -> None:
        """Print it above the board."""
        self._print(Text(text, style="red" if fault else ""))

    def _print(self, text: Text) -> None:
        with suppress(OSError):  # a terminal that is closed is no reason to end a stage
            self.console.print(text)

    def _picture(self) -> RenderableType:
        with self._lock:
            return self.board.picture(self.console.height)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s" if seconds < 600 else _clock(seconds)
