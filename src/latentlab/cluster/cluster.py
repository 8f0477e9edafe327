"""The workers of a Dask scheduler as the host of a run.

Workers never run `dvc repro`: they run one stage's command at a time and give its outputs, all else stays with the run.
"""

import asyncio
import logging
import os
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, Security, wait
from distributed.comm.addressing import resolve_address
from distributed.worker import Worker

from latentlab.cluster.job import Job, Outcome, Travel
from latentlab.cluster.lines import Event, Told, name_of
from latentlab.cluster.worker import CORES, MEMORY, Workplace, end_all, sees, work
from latentlab.config import paths
from latentlab.errors import UserError
from latentlab.numerics.portable import Numerics
from latentlab.pipeline import dvc, objects
from latentlab.pipeline.plan import numerics_of
from latentlab.runner import needs
from latentlab.runner.hosts import Local
from latentlab.runner.labels import Label
from latentlab.runner.parent import RUNNER
from latentlab.runner.processes import Tell
from latentlab.runner.scheduler import Room
from latentlab.storage.replacing import replacing

HERE = ("plan", "prepare", "track")  # what reads the user's files, or writes to MLflow
MARK = "latentlab.cluster"  # a file by which a worker knows that it sees the project's own folder
OURS = "python -m latentlab.stages."
PATIENCE = 60.0  # seconds until there has to be a worker
ANSWER = 10.0  # seconds that the scheduler may take to answer
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
        self._jobs = jobs
        self._repo = repo
        self._local = Local(None, warm)
        self._mark = Path(repo.tmp_dir, MARK)
        self._project = _name_in(self._mark)
        self._outcomes: dict[dvc.Stage, Outcome] = {}
        self._running: set[Future[Outcome]] = set()
        self._tellers: dict[str, Told] = {}
        self._pushed: set[str] = set()
        self._classes: dict[str, str] = {}
        self._class: str | None = None
        self._choosing = threading.Lock()
        self._ending = threading.Event()
        self._terminal = False
        self._note: Callable[[str], None] = lambda line: None
        self._client = _connect(address)
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
            self._client.register_plugin(Workplace(self._project), name=name_of(self._project))
            seen = self._client.run(sees, self._mark, self._project)
        except Exception as error:  # whatever a worker without latentlab, or with another one, says
            line = " ".join(str(error).split())
            raise UserError(f"--scheduler {self._address}: a worker is not ready for latentlab: {line}") from None
        self._client.subscribe_topic(name_of(self._project), self._hear)
        self._rooms = self._look()
        self.whole = self._whole()
        return objects.remote_of(self._repo) if self._by_remote or not all(seen.values()) else None

    def open(self, terminal: bool, resized: Callable[[Room], None], note: Callable[[str], None]) -> None:
        """Tell of workers that come and go."""
        self._terminal, self._note = terminal, note
        self._local.open(terminal, resized, note)
        way = "which see this folder" if self._remote is None else f"files go through {self._remote.get('url')}"
        note(f"{self._many(self._rooms)} of {self._address}, {way}")
        threading.Thread(target=self._watch, args=(resized,), daemon=True).start()

    def _watch(self, resized: Callable[[Room], None]) -> None:
        while not self._ending.wait(PERIOD):
            try:
                rooms = self._look()
            except Exception:  # the scheduler may be gone, which stages say
                continue
            if rooms != self._rooms:
                self._rooms = rooms
                self.whole = self._whole()
                self._note(self._many(rooms))
                resized(self.whole)

    def _look(self) -> dict[str, Room]:
        """The room of each worker that is ready, by its address."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return {
            address: Room(int(about["resources"][CORES]), int(about["resources"][MEMORY]))
            for address, about in workers.items()
            if {CORES, MEMORY} <= about["resources"].keys()
        }

    def _whole(self) -> Room:
        """That of all workers; while there is none, stages wait for one at the scheduler."""
        whole = sum(self._rooms.values(), Room(0))
        return Room(min(max(1, whole.cores), self._jobs or sys.maxsize), whole.memory)

    @staticmethod
    def _many(rooms: Mapping[str, Room]) -> str:
        cores = sum(room.cores for room in rooms.values())
        return f"{len(rooms)} worker{'s' * (len(rooms) != 1)} with {cores} core{'s' * (cores != 1)}"

    def room(self, stage: dvc.Stage, label: Label) -> Room:
        """As on this machine, but no more than the largest worker has; what runs here takes nothing of theirs."""
        if _stays(stage, label):
            return Room(0)
        wanted = needs.room(label, dvc.folder_of(stage))
        rooms = list(self._rooms.values()) or [wanted]
        return Room(
            min(wanted.cores, max(room.cores for room in rooms)), min(wanted.memory, max(room.memory for room in rooms))
        )

    def prepare(self, stage: dvc.Stage, label: Label) -> Callable[[Tell], int]:
        """Have its files where a worker finds them."""
        if _stays(stage, label):
            return self._local.prepare(stage, label)
        text, folder, variables = dvc.command(stage)
        job = Job(
            f"{label}-{uuid.uuid4().hex}",
            self._project,
            text,
            folder,
            {**_environment(), **variables},
            self._terminal,
            self._mark,
            self._travel(stage, folder, self._remote) if self._remote is not None else None,
        )
        room, numerics = self.room(stage, label), numerics_of(dvc.folder_of(stage) / paths.plan(label.name))
        return lambda tell: self._run(stage, job, room, numerics, tell)

    def _travel(self, stage: dvc.Stage, folder: Path, remote: Mapping[str, str]) -> Travel:
        needed = objects.needed_by(stage)
        new = set(needed.cached.values()) - self._pushed
        objects.push(self._repo, new)
        self._pushed |= new
        return Travel(folder.relative_to(self._repo.root_dir).as_posix(), needed, *objects.made_by(stage), remote)

    def _run(self, stage: dvc.Stage, job: Job, room: Room, numerics: Numerics | None, tell: Tell) -> int:
        """In a thread of its own, until a worker is through with it. Raises `UserError`."""
        told = self._tellers[job.key] = Told(tell)
        options: dict[str, Any] = {"resources": {CORES: room.cores, MEMORY: room.memory}, "retries": AGAIN}
        if numerics == "native":
            with self._choosing:
                options["workers"] = self._alike()
        if self._ending.is_set():
            return ENDED
        future = self._client.submit(work, job, key=job.key, pure=False, **options)
        self._running.add(future)
        try:
            outcome = self._result(future)
        finally:
            self._running.discard(future)
            del self._tellers[job.key]
        if outcome is None:
            return ENDED
        told.rest(outcome.lines)
        self._outcomes[stage] = outcome
        return outcome.code

    def _result(self, future: "Future[Outcome]") -> Outcome | None:
        """What came of it, None if the run ends. Raises `UserError`."""
        while True:
            try:
                return future.result(timeout=PERIOD)
            except TimeoutError:
                if self._client.status == "running":
                    continue
            except (CancelledError, asyncio.CancelledError):
                pass
            except KilledWorker as error:
                raise UserError(f"{error.allowed_failures + 1} workers ended while they ran it") from None
            except UserError:
                raise
            except Exception as error:  # of Dask's
                raise UserError(f"Dask: {type(error).__name__}: {' '.join(str(error).split())}") from None
            if self._ending.is_set():
                return None
            raise UserError(f"the scheduler {self._address} is gone; the same command goes on from here")

    def _alike(self) -> list[str]:
        """Workers of one numerical class: that of the most cores, for the whole run. Raises `UserError`."""
        new = [address for address in self._rooms if address not in self._classes]
        if new:
            self._classes |= self._client.run(_class, workers=new)
        cores: Counter[str] = Counter()
        for address, room in self._rooms.items():
            cores[self._classes[address]] += room.cores
        if not cores:
            raise UserError("numerics: native: found no worker, allowed: those of one numerical class")
        chosen = self._class or max(sorted(cores), key=cores.__getitem__)
        alike = [address for address in self._rooms if self._classes[address] == chosen]
        if self._class is None:
            self._class = chosen
            self._note(f"numerics native: {len(alike)} of {self._many(self._rooms)} are of class {chosen}, others wait")
        if not alike:
            raise UserError(f"numerics: native: found {', '.join(sorted(cores))}, allowed: workers of class {chosen}")
        return alike

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
            wait(list(self._running), timeout=ANSWER)
        with suppress(Exception):
            self._client.cancel(list(self._running), force=True)
            self._client.unregister_worker_plugin(name_of(self._project))
        with suppress(Exception):
            self._client.close()


def _connect(address: str) -> Client:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it becomes an error, or a note
    try:
        resolve_address(address)  # a client for what is no address would go on looking for it
        return Client(address, timeout=ANSWER, set_as_default=False, security=Security(), name="latentlab")
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"--scheduler: found {address!r}, allowed: the address of a Dask scheduler ({line})") from None


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


async def _class(dask_worker: Worker) -> str:
    """The numerical class of a worker's machine. Raises `UserError`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "latentlab.cluster.kind", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, fault = await process.communicate()
    if process.returncode:
        raise UserError(f"{dask_worker.address}: no numerical class: {fault.decode(errors='replace').strip()[-200:]}")
    return output.decode().strip()
