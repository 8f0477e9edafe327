"""On a worker: commands of stages, each in the project's folder where that is seen, else in a folder of its own."""

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from distributed import Worker, WorkerPlugin, get_worker
from distributed.core import Status

from latentlab.cluster.job import Job, Outcome, Travel
from latentlab.cluster.lines import Said, name_of
from latentlab.errors import UserError
from latentlab.pipeline.dvc import Repo
from latentlab.pipeline.objects import Files, check_out, keep, make_project, pull, push, write
from latentlab.runner.machine import whole_machine
from latentlab.runner.processes import Command, Processes, start
from latentlab.runner.warm import Warm, available

CORES, MEMORY = "cores", "memory"  # Dask's resources that a stage takes
OFTEN = 0.2  # seconds between two looks at whether a stage is still wanted
IDLE = 60.0  # seconds that libraries stay loaded for the next stage
PAUSES = (1.0, 10.0)  # seconds until a remote that failed is tried again


class LeftError(Exception):
    """The worker was ended while a stage ran on it; Dask runs the stage elsewhere."""


class Workplace(WorkerPlugin):
    """What a project has on each worker. One that is registered again ends what the one before has left running."""

    def __init__(self, project: str, mark: Path | None) -> None:
        self.project = project
        self.mark = mark  # a file in the folder that all workers share, if they do
        self.name = name_of(project)

    async def setup(self, worker: Worker) -> None:
        """Make the worker's cores and memory resources, unless it was started with such."""
        self._worker = worker
        self._lock = threading.Lock()
        self._running: set[Processes] = set()
        self._ended = False
        self._folder = Path(worker.local_directory) / self.name
        self._forks = _forks()
        self._idle: threading.Timer | None = None
        there = worker.state.total_resources
        if self.mark and not sees(self.mark, self.project):
            return  # it came later than the others, and offers nothing
        if CORES not in there or MEMORY not in there:
            memory = worker.memory_manager.memory_limit or whole_machine().memory
            await worker.set_resources(**{CORES: worker.state.nthreads, MEMORY: memory, **there})
            _begin_anew(worker)

    async def teardown(self, worker: Worker) -> None:
        """Leave nothing that runs, and no files."""
        await self.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def end(self) -> None:
        """End all stages, and wait for them; none starts any more."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            running = list(self._running)
            self._busy()
        for each in running:
            each.end()
        if self._forks:
            self._forks.close()

    def do(self, job: Job) -> Outcome:
        """Run a job in the current thread."""
        if job.travel is None:
            if not sees(job.mark, job.project):  # it came later than the others, or the folder has gone
                raise UserError(
                    f"{job.folder}: the worker {self._worker.address} does not see it, allowed: --by-remote"
                )
            return self._run(job, job.command)
        return self._run_apart(job, job.travel)

    def _run_apart(self, job: Job, travel: Travel) -> Outcome:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as temporary:
            root = Path(temporary)
            make_project(root, travel.remote, self._folder / "cache")
            write(root, travel.needed.others)
            with Repo(temporary) as repo:
                pull(repo, travel.needed.cached.values())
                check_out(repo, travel.needed.cached)
            command = Command(job.text, root / travel.inner, {**job.variables, "DVC_ROOT": temporary})
            command.folder.mkdir(parents=True, exist_ok=True)
            outcome = self._run(job, command)
            if outcome.code:
                return outcome
            try:
                return replace(outcome, made=_sent(root, travel))
            except Exception as error:  # what was computed would be computed again if this was raised
                return Outcome(1, [*outcome.lines, f"error: {error}"])

    def _run(self, job: Job, command: Command) -> Outcome:
        said = Said(self._worker, job)
        with self._known(job) as processes:
            code = processes.run(command, said.tell)
        if code and self._worker.status.name != "running":
            raise LeftError(str(self._worker.address))
        return Outcome(code, said.lines)

    @contextmanager
    def _known(self, job: Job) -> Iterator[Processes]:
        """Processes that end with this workplace, and when nobody wants the job any more."""
        processes = Processes(self._forks.start if self._forks else start, job.terminal)
        done = threading.Event()
        with self._lock:
            self._running.add(processes)
            self._busy()
            too_late = self._ended
        if too_late:
            processes.end()
        watch = threading.Thread(target=self._watch, args=(job.key, processes, done), daemon=True)
        watch.start()
        try:
            yield processes
        finally:
            done.set()
            watch.join()
            with self._lock:
                self._running.remove(processes)
                self._maybe_idle()

    def _busy(self) -> None:
        if self._idle:
            self._idle.cancel()

    def _maybe_idle(self) -> None:
        """A run that was killed sends nothing any more, and never says that it has ended."""
        if not self._running and not self._ended:
            self._idle = threading.Timer(IDLE, self._unload)
            self._idle.daemon = True
            self._idle.start()

    def _unload(self) -> None:
        with self._lock:
            if self._running or self._ended or not self._forks:
                return
            forks, self._forks = self._forks, _forks()
        forks.close()

    def _watch(self, key: str, processes: Processes, done: threading.Event) -> None:
        """A run that was killed wants nothing any more: Dask tells its workers, but ends nothing that works."""
        while not done.wait(OFTEN):
            task = self._worker.state.tasks.get(key)
            if task is None or task.state != "executing":
                processes.end()
                return


def _begin_anew(worker: Worker) -> None:
    """Have the scheduler look at what waits for resources, as it does when a worker begins to run, and only then."""
    if worker.status is Status.running:
        worker.status = Status.paused
        worker.status = Status.running


def _forks() -> Warm | None:
    return Warm() if available() else None


def work(job: Job) -> Outcome:
    """The task that Dask runs."""
    place = get_worker().plugins[name_of(job.project)]
    assert isinstance(place, Workplace)
    return place.do(job)


async def end_all(project: str, dask_worker: Worker) -> None:
    """End what a project has running on a worker."""
    place = dask_worker.plugins.get(name_of(project))
    if isinstance(place, Workplace):
        await place.end()


def sees(mark: Path, project: str) -> bool:
    """Whether the worker sees a project's own folder, and not another clone at the same place."""
    try:
        return mark.read_text() == project
    except OSError:
        return False


def _sent(root: Path, travel: Travel) -> Files:
    """Send the outputs to the remote, which gets some chances. Raises `UserError`."""
    with Repo(str(root)) as repo:
        kept = keep(repo, travel.kept)
        for pause in PAUSES:
            try:
                push(repo, kept.values())
                break
            except UserError:
                time.sleep(pause)
        else:
            push(repo, kept.values())
    return Files(kept, _contents(root, travel.others))


def _contents(root: Path, paths: list[str]) -> dict[str, bytes]:
    """Outputs that DVC does not keep. Raises `UserError` if one is missing."""
    found = {}
    for path in paths:
        for each in [root / path] if (root / path).is_file() else sorted((root / path).rglob("*")):
            if each.is_file():
                found[each.relative_to(root).as_posix()] = each.read_bytes()
        if not (root / path).exists():
            raise UserError(f"{path}: was not made by the stage")
    return found
