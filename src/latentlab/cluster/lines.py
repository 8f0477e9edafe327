"""What a stage says on a worker, told to the run: as events, and as a whole at the end, since events may be lost."""

import threading
import time

from distributed import Worker

from latentlab.cluster.job import Job
from latentlab.runner.processes import Tell

RARELY = 0.5  # seconds between two lines of a progress bar

Event = tuple[
    str, float, int, str, bool
]  # key of the job, attempt, count of lines that stay, the line, whether it stays


def name_of(project: str) -> str:
    """What the topic of a project's events, and its workplace, is called among Dask's."""
    return f"latentlab-{project}"


class Said:
    """The lines of a job, on the worker."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self.lines: list[str] = []  # those that stay
        self._worker = worker
        self._job = job
        self._attempt = time.time()
        self._told = 0.0

    def tell(self, line: str, stays: bool) -> None:
        """Take a line, and send it on."""
        now = time.monotonic()
        if stays:
            self.lines.append(line)
        elif now < self._told + RARELY:
            return
        else:
            self._told = now
        event: Event = (self._job.key, self._attempt, len(self.lines), line, stays)
        self._worker.log_event(name_of(self._job.project), event)


class Told:
    """The lines of a job, where the run is: each is told once."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._attempt = 0.0
        self._count = 0
        self._lock = threading.Lock()

    def hear(self, attempt: float, count: int, line: str, stays: bool) -> None:
        """A line; `count` of those that stay have come with it."""
        with self._lock:
            if attempt != self._attempt:
                self._attempt, self._count = attempt, 0
            if not stays:
                self._tell(line, False)
            elif count == self._count + 1:
                self._count = count
                self._tell(line, True)

    def rest(self, lines: list[str]) -> None:
        """All that it has said."""
        with self._lock:
            for line in lines[self._count :]:
                self._tell(line, True)
            self._count = len(lines)
