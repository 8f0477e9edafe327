"""What one sees of a run, in narrow and wide terminals, and where there is none."""

import io
import time

import pytest
from rich.console import Console

from latentlab.runner.display import Board, Lines, Terminal
from latentlab.runner.labels import Label
from latentlab.runner.scheduler import State

STAGES = ("train", "extract", "tsne", "evaluate", "plot")
SINGLES = [Label.of("", name) for name in ("plan", "prepare", "compare", "track")]


def board(variants: int = 2, study: str = "", before: dict[Label, float] | None = None, at_once: int = 1) -> Board:
    names = [f"{stage}@v{number}" for number in range(variants) for stage in STAGES]
    return Board([*SINGLES[:2], *(Label.of(study, name) for name in names), *SINGLES[2:]], before or {}, at_once)


def seen(shown: Board, width: int = 80, height: int = 24) -> list[str]:
    """Lines of its picture."""
    console = Console(file=io.StringIO(), width=width, height=height)
    with console.capture() as captured:
        console.print(shown.picture(height))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 200])
def test_each_stage_stands_in_its_place(width: int) -> None:
    shown = board()
    for label, state in (
        (SINGLES[0], State.UNCHANGED),
        (Label.of("", "train@v0"), State.DONE),
        (Label.of("", "train@v1"), State.FAILED),
        (Label.of("", "extract@v1"), State.LEFT_OUT),
    ):
        shown.turned(label, State.RUNNING)
        shown.turned(label, state)
    head, singles, columns, first, second = seen(shown, width)
    assert head == "4 of 14 stages · 0:00"
    assert singles.startswith("plan = ")
    assert columns.split() == list(STAGES)
    assert first.split()[:2] == ["v0", "✓"]
    assert second.split()[0] == "v1"
    assert [symbol for symbol in second.split() if symbol in "✓✗○·"] == ["✗", "○", "·", "·", "·"]


def test_what_runs_tells_its_last_line_which_is_cut_to_the_width() -> None:
    shown = board()
    label = Label.of("", "train@v0")
    shown.turned(label, State.RUNNING)
    shown.rows[label].line = "6 of 40 epochs, 00:07 left, " + "x" * 200
    lines = seen(shown, 60)
    assert len(lines) == 6
    assert lines[-1].startswith("train@v0 6 of 40 epochs, 00:07 left, x")
    assert len(lines[-1]) == 60
    assert lines[3].split()[:2] == ["v0", "▸"]
    shown.turned(label, State.DONE)
    assert len(seen(shown, 60)) == 5


def test_more_variants_than_lines_leave_those_at_work() -> None:
    shown = board(variants=50)
    shown.turned(Label.of("", "train@v40"), State.RUNNING)
    lines = seen(shown, height=20)
    assert len(lines) <= 20
    assert lines[3].split()[0] == "v40"
    assert any("more variants" in line for line in lines)


def test_the_remaining_time_is_said_once_it_is_known() -> None:
    known = dict.fromkeys([*SINGLES, *(Label.of("", f"{stage}@v0") for stage in STAGES)], 10.0)
    assert board(1, before=known).remaining() == 90
    assert board(1, before=known, at_once=2).remaining() == 45
    assert board(2, before=known).remaining() is None  # nobody has timed the other one
    shown = board(1, before=known)
    shown.turned(SINGLES[0], State.UNCHANGED)
    shown.turned(SINGLES[1], State.RUNNING)
    shown.rows[SINGLES[1]].began -= 4
    assert shown.remaining() == pytest.approx(76, abs=1)
    assert seen(shown)[0].endswith("about 1:16 left")


def test_the_remaining_time_is_that_of_the_study() -> None:
    fast, slow = Label.of("birds", "train@v0"), Label.of("", "train@v0")
    assert Board([fast, slow], {fast: 1.0, slow: 60.0}).remaining() == 61


def test_a_study_is_named_where_there_are_several() -> None:
    assert "birds/v0" in "\n".join(seen(board(1, study="birds")))


def test_a_terminal_keeps_what_is_wrong_above_the_board() -> None:
    shown, file = board(1), io.StringIO()
    label = Label.of("", "train@v0")
    with Terminal(shown, Console(file=file, width=80, height=24)) as terminal:
        terminal.turned(label, State.RUNNING)
        terminal.said(label, "warning: no live losses: a reason", stays=True)
        terminal.said(label, "1 of 2 epochs", stays=False)
        assert shown.rows[label].line == "1 of 2 epochs"
        terminal.note("[not markup] train@v0 failed", fault=True)
        time.sleep(0.01)
    printed = file.getvalue()
    assert "train@v0: warning: no live losses: a reason" in printed
    assert "[not markup] train@v0 failed" in printed


def test_elsewhere_each_line_has_its_stage_and_bars_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    label = Label.of("birds", "train@v0")
    with Lines() as lines:
        lines.turned(label, State.RUNNING)
        lines.said(label, "50 %", stays=False)
        lines.said(label, "did it (1.0 s)", stays=True)
        lines.said(label, "error: damaged", stays=True)
        lines.note("train@v0: outputs were in the run cache")
        lines.note("train@v0 failed", fault=True)
    assert capsys.readouterr() == (
        "birds/train@v0: did it (1.0 s)\ntrain@v0: outputs were in the run cache\n",
        "birds/train@v0: error: damaged\ntrain@v0 failed\n",
    )
