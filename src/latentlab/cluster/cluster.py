"""The workers of a Dask scheduler as the host of a run.

Workers never run `dvc repro`: they run one stage's command at a time and give its outputs, all else stays with the run.
"""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from distributed import Future, KilledWorker

from latentlab.cluster.job import Job, Outcome, Travel
from latentlab.cluster.lines import Event, Told, name_of
from latentlab.cluster.worker import CORES, MEMORY, Workplace, end_all, sees, work
from latentlab.cluster.workers import ANSWER, Workers, connect, fitting
from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.numerics.portable import Numerics
from latentlab.pipeline import dvc, objects
from latentlab.pipeline.plan import numerics_of
from latentlab.runner import needs
from latentlab.runner.hosts import Local
from latentlab.runner.labels import Label
from latentlab.runner.parent import RESTORED, RUNNER
from latentlab.runner.processes import Tell
from latentlab.runner.scheduler import Room
from latentlab.storage.replacing import replacing

HERE = ("plan", "prepare", "track")  # what reads the user's files, or writes to MLflow
MARK = "latentlab.cluster"  # a file by which a worker knows that it sees the project's own folder
OURS = "python -m latentlab.stages."
PATIENCE = 60.0  # seconds until there has to be a worker
PERIOD = 2.0  # seconds between two looks at which workers there are
AGAIN = 3  # times that a stage starts anew where its worker was ended, or a transfer failed
ENDED = 143  # as a shell says of SIGTERM
LIVE, STORE = "LATENTLAB_LIVE", "MLFLOW_TRACKING_URI"
PASSED_ON = ("LATENTLAB_", "MLFLOW_", "TQDM_")  # variables of the run that its stages get elsewhere, too


class Cluster:
    """A host: see `runner.hosts.Host`. Stages of `HERE`, and users' own commands, run beside the run itself."""

    def __init__(self, address: str, by_remote: bool, jobs: int | None, warm: bool, repo: dvc.Repo) -> None:
        self._address = address
        self._by_remote = by_remote
        self._repo = repo
        self._local = Local(None, warm)
        self._beside = threading.BoundedSemaphore(self._local.whole.cores)
        self._mark = Path(repo.tmp_dir, MARK)
        self._project = _name_in(self._mark)
        self._outcomes: dict[dvc.Stage, Outcome] = {}
        self._running: dict[Future[Outcome], threading.Event] = {}
        self._tellers: dict[str, Told] = {}
        self._pushed: set[str] = set()
        self._gone = False
        self._ending = threading.Event()
        self._terminal = False
        self._note: Callable[[str], None] = lambda line: None
        self._resized: Callable[[Room], None] = lambda room: None
        self._client = connect(address)
        self._workers = Workers(self._client, jobs)
        try:
            self._remote = self._open()
        except BaseException:
            self._client.close()
            raise

    def _open(self) -> Mapping[str, str] | None:
        """Make all workers ready; the remote that files are to go through, None where all see the project's folder."""
        try:
            self._client.wait_for_workers(1, PATIENCE)
        except TimeoutError:
            raise UserError(f"--scheduler {self._address}: found no worker in {PATIENCE:.0f} s") from None
        try:
            seen = self._client.run(sees, self._mark, self._project)
            shared = not self._by_remote and all(seen.values())
            mark = self._mark if shared else None
            self._client.register_plugin(Workplace(self._project, mark), name=name_of(self._project))
        except Exception as error:  # whatever a worker without latentlab, or with another one, says
            line = " ".join(str(error).split())
            raise UserError(f"--scheduler {self._address}: a worker is not ready for latentlab: {line}") from None
        self._client.subscribe_topic(name_of(self._project), self._hear)
        self._workers.look()
        return None if shared else objects.remote_of(self._repo)

    @property
    def whole(self) -> Room:
        """That of all workers."""
        return self._workers.whole

    def open(self, terminal: bool, resized: Callable[[Room], None], note: Callable[[str], None]) -> None:
        """Tell of workers that come and go."""
        self._terminal, self._note, self._resized = terminal, note, resized
        self._local.open(terminal, resized, note)
        way = "which see this folder" if self._remote is None else f"files go through {self._remote.get('url')}"
        note(f"{self._workers} of {self._address}, {way}")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._ending.wait(PERIOD) and not self._gone:
            try:
                changed = self._workers.look()
            except Exception:  # the scheduler may be gone, which stages say
                continue
            if changed:
                self._note(str(self._workers))
                self._resized(self.whole)

    def room(self, stage: dvc.Stage, label: Label) -> Room:
        """As on this machine, but no more than the largest worker has; what runs here takes nothing of theirs."""
        if _stays(stage, label):
            return Room(0)
        return fitting(needs.room(label, dvc.folder_of(stage)), self._workers.rooms.values())

    def prepare(self, stage: dvc.Stage, label: Label) -> Callable[[Tell], int]:
        """Have its files where a worker finds them."""
        if _stays(stage, label):
            return partial(self._run_beside, self._local.prepare(stage, label))
        text, folder, variables = dvc.command(stage)
        job = Job(
            str(label),
            self._project,
            text,
            folder,
            {**_environment(), **variables, RESTORED: "1"},
            self._terminal,
            self._mark,
            self._travel(stage, folder, self._remote) if self._remote is not None else None,
        )
        wanted = needs.room(label, dvc.folder_of(stage))
        native = numerics_of(dvc.folder_of(stage) / paths.plan(label.name)) == "native"
        return lambda tell: self._run(stage, job, wanted, native, tell)

    def _run_beside(self, command: Callable[[Tell], int], tell: Tell) -> int:
        """As many at once as this machine has cores."""
        with self._beside:
            return command(tell)

    def _travel(self, stage: dvc.Stage, folder: Path, remote: Mapping[str, str]) -> Travel:
        needed = objects.needed_by(stage)
        new = set(needed.cached.values()) - self._pushed
        objects.push(self._repo, new)
        self._pushed |= new
        return Travel(folder.relative_to(self._repo.root_dir).as_posix(), needed, *objects.made_by(stage), remote)

    def _run(self, stage: dvc.Stage, job: Job, wanted: Room, native: bool, tell: Tell) -> int:
        """In a thread of its own, until a worker is through with it. Raises `UserError`."""
        told, outcome = Told(tell), None
        while outcome is None and not self._ending.is_set():
            rooms = self._workers.alike(self._note) if native else self._workers.rooms
            if rooms or not native:
                again = replace(job, key=f"{job.key}-{uuid.uuid4().hex}")
                outcome = self._ask(again, fitting(wanted, rooms.values()), set(rooms) if native else None, told)
            else:
                self._ending.wait(PERIOD)  # for a worker of the class
        if outcome is None:
            return ENDED
        told.rest(outcome.lines)
        self._outcomes[stage] = outcome
        return outcome.code

    def _ask(self, job: Job, room: Room, addresses: set[str] | None, told: Told) -> Outcome | None:
        """What came of a job, of these workers or any; None if it is to be asked for anew. Raises `UserError`."""
        done = threading.Event()
        self._tellers[job.key] = told
        resources = {CORES: room.cores, MEMORY: room.memory}
        workers = None if addresses is None else sorted(addresses)
        try:
            future = self._client.submit(
                work, job, key=job.key, pure=False, resources=resources, workers=workers, retries=AGAIN
            )
            future.add_done_callback(lambda _: done.set())
        except Exception as error:  # of a client whose scheduler is gone
            raise self._lost(error) from None
        self._running[future] = done
        try:
            while not done.wait(PERIOD):
                if self._client.status != "running":
                    raise self._lost()
                rooms = self._workers.rooms
                there = {name: each for name, each in rooms.items() if addresses is None or name in addresses}
                if rooms and not any(room.within(each) for each in there.values()):
                    future.cancel()  # those that could have run it have left
                    return None
            return self._result(future)
        finally:
            self._running.pop(future)
            self._tellers.pop(job.key)

    def _result(self, future: "Future[Outcome]") -> Outcome | None:
        """That of a job that has ended, None if it was cancelled. Raises `UserError`."""
        try:
            return future.result()
        except (CancelledError, asyncio.CancelledError):
            if self._ending.is_set():
                return None
            raise self._lost() from None
        except KilledWorker as error:
            raise UserError(f"{error.allowed_failures + 1} workers ended while they ran it") from None
        except UserError:
            raise
        except Exception as error:  # of Dask's
            raise UserError(f"Dask: {type(error).__name__}: {' '.join(str(error).split())}") from None

    def _lost(self, error: Exception | None = None) -> UserError:
        """Have nothing more begin, as there is nobody to run it; the error to raise."""
        if not self._gone and not self._ending.is_set():
            self._gone = True
            self._resized(Room(0))
        why = f" ({type(error).__name__})" if error else ""
        return UserError(f"the scheduler {self._address} is gone{why}; the same command goes on from here")

    def take_in(self, stage: dvc.Stage) -> None:
        """Bring the outputs here, if they are not."""
        outcome = self._outcomes.pop(stage, None)
        if outcome is None or self._remote is None:
            return
        objects.pull(self._repo, outcome.made.cached.values())
        objects.check_out(self._repo, outcome.made.cached)
        objects.write(Path(self._repo.root_dir), outcome.made.others)
        self._pushed |= set(outcome.made.cached.values())

    def make_ready(self, stage: str, numerics: Numerics | None) -> None:
        """Workers start when they get something."""

    def _hear(self, event: tuple[float, Event]) -> None:
        """A line of a stage, in the thread of the client."""
        key, attempt, count, line, stays = event[1]
        if told := self._tellers.get(key):
            told.hear(attempt, count, line, stays)

    def end(self) -> None:
        """End what runs here and there, and give back the workers."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._local.end()
        with suppress(Exception):  # the scheduler may be gone, and its workers with it
            self._client.run(end_all, self._project)
            for done in list(self._running.values()):
                done.wait(ANSWER)
        with suppress(Exception):
            self._client.cancel(list(self._running), force=True)
            self._client.unregister_worker_plugin(name_of(self._project))
        with suppress(Exception):
            self._client.close()


def _name_in(mark: Path) -> str:
    """What the project is known by at the scheduler: other clones have other names, on whatever machine."""
    if not mark.exists():
        with replacing(mark) as temporary:
            temporary.write_text(uuid.uuid4().hex[:12])
    return mark.read_text()


def _stays(stage: dvc.Stage, label: Label) -> bool:
    """Whether it runs beside the run itself."""
    return label.stage in HERE or not str(stage.cmd).startswith(OURS)


def _environment() -> dict[str, str]:
    """Variables for stages elsewhere. Live losses go to a server alone: an SQLite file is for one machine."""
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) and name != RUNNER}
    store = os.environ.get(STORE, "")
    return passed if "://" in store and not store.startswith(("sqlite:", "file:")) else {**passed, LIVE: "0"}
