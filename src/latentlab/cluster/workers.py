"""The workers of a Dask scheduler: the room that each has, and the numerical class of its machine."""

import asyncio
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from distributed import Client, Security
from distributed.comm.addressing import resolve_address
from distributed.worker import Worker

from latentlab.cluster.worker import CORES, MEMORY
from latentlab.errors import UserError
from latentlab.runner.scheduler import Room

ANSWER = 10.0  # seconds that the scheduler may take to answer


class Workers:
    """Those that are ready for the project. Threads may ask while another one looks."""

    def __init__(self, client: Client, jobs: int | None) -> None:
        self._client = client
        self._jobs = jobs
        self._classes: dict[str, str] = {}
        self._class: str | None = None
        self._choosing = threading.Lock()
        self.rooms: Mapping[str, Room] = {}  # by address, as of the last look

    def look(self) -> bool:
        """Look at who is there; whether that has changed."""
        # not `scheduler_info`, which gives what the client's own updates have left of it
        scheduler: Any = self._client.scheduler
        workers = self._client.sync(scheduler.identity, n_workers=-1)["workers"]
        before = self.rooms
        self.rooms = {
            address: Room(int(about["resources"][CORES]), int(about["resources"][MEMORY]))
            for address, about in workers.items()
            if {CORES, MEMORY} <= about["resources"].keys()
        }
        return self.rooms != before

    @property
    def whole(self) -> Room:
        """Their room as far as `jobs` allows; while there is no worker, stages wait for one at the scheduler."""
        whole = sum(self.rooms.values(), Room(0))
        return Room(min(max(1, whole.cores), self._jobs or sys.maxsize), whole.memory)

    def __str__(self) -> str:
        return _many(self.rooms)

    def alike(self, note: Callable[[str], None]) -> dict[str, Room]:
        """Those of one numerical class: that of the most cores, for the whole run. None of them may be there."""
        with self._choosing:
            rooms = self.rooms
            new = [address for address in rooms if address not in self._classes]
            if new:  # one that has left meanwhile gives an error in place of its class
                found = self._client.run(_class, workers=new, on_error="return")
                self._classes |= {address: each for address, each in found.items() if isinstance(each, str)}
            cores: Counter[str] = Counter()
            for address in rooms.keys() & self._classes.keys():
                cores[self._classes[address]] += rooms[address].cores
            chosen = self._class is None and bool(cores)
            if chosen:
                self._class = max(sorted(cores), key=cores.__getitem__)
            alike = {address: room for address, room in rooms.items() if self._classes.get(address) == self._class}
            if chosen:
                note(f"numerics native: {len(alike)} of {_many(rooms)} are of class {self._class}, others wait")
            return alike if self._class else {}


def fitting(wanted: Room, rooms: Collection[Room]) -> Room:
    """What a stage gets of workers: all that it wants if one has it, else all that the largest of them has."""
    if not rooms or any(wanted.within(room) for room in rooms):
        return wanted
    largest = max(rooms, key=lambda room: (room.cores, room.memory))
    return Room(min(wanted.cores, largest.cores), min(wanted.memory, largest.memory))


def connect(address: str) -> Client:
    """A client of the scheduler. Raises `UserError`."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it becomes an error, or a note
    try:
        resolve_address(address)  # a client for what is no address would go on looking for it
        return Client(address, timeout=ANSWER, set_as_default=False, security=Security(), name="latentlab")
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"--scheduler: found {address!r}, allowed: the address of a Dask scheduler ({line})") from None


def _many(rooms: Mapping[str, Room]) -> str:
    cores = sum(room.cores for room in rooms.values())
    return f"{len(rooms)} worker{'s' * (len(rooms) != 1)} with {cores} core{'s' * (cores != 1)}"


async def _class(dask_worker: Worker) -> str:
    """The numerical class of a worker's machine. Raises `UserError`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "latentlab.cluster.kind", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, fault = await process.communicate()
    if process.returncode:
        raise UserError(f"{dask_worker.address}: no numerical class: {fault.decode(errors='replace').strip()[-200:]}")
    return output.decode().strip()
