"""A picture of `latentlab reproduce` as a terminal shows it, when some of the stages have ended.

`python -m benchmarks.recording PICTURE.svg` in the folder of a study runs it.
"""

import io
import re
import sys

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from latentlab.runner.display import ENDED, Board, Terminal
from latentlab.runner.labels import Label
from latentlab.runner.reproduce import reproduce
from latentlab.runner.scheduler import State

WIDTH, HEIGHT = 84, 40
SOME = 5  # stages have ended when it is taken
# rich would have the reader's machine load fonts from elsewhere
WITHOUT_FONTS = re.sub(r"@font-face {{.*?}}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


class Recorder(Terminal):
    """A terminal that nobody sees, of which a picture is taken once, in the middle of the run."""

    def __init__(self, board: Board, path: str) -> None:
        super().__init__(board, Console(file=io.StringIO(), width=WIDTH, height=HEIGHT))
        self.path = path
        self.taken = False

    def said(self, label: Label, line: str, stays: bool) -> None:
        """Take it when a training tells how far it is."""
        super().said(label, line, stays)
        ended = sum(row.state in ENDED for row in self.board.rows.values())
        running = [each for each, row in self.board.rows.items() if row.state is State.RUNNING and row.line]
        if not self.taken and not stays and len(running) > 1 and ended > SOME:
            self.taken = True
            paper = Console(record=True, file=io.StringIO(), width=WIDTH, height=HEIGHT)
            paper.print(self.board.picture(HEIGHT))
            paper.save_svg(self.path, title="latentlab reproduce", code_format=WITHOUT_FONTS)


if __name__ == "__main__":
    reproduce(show=lambda board: Recorder(board, sys.argv[1]))
