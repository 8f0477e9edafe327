"""What may start when: a graph of tasks on an executor, as much at once as there is room for.

It knows neither DVC nor processes, and any `concurrent.futures.Executor` will do, Dask's among them.
"""

import queue
from bisect import insort
from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)
AnyKey = TypeVar("AnyKey", bound=Hashable, contravariant=True)


class State(Enum):
    """Where a task stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    LEFT_OUT = "left out"
    ENDED = "ended"  # with the run


@dataclass(frozen=True)
class Room:
    """What a task takes, or a machine has: cores, and memory in bytes."""

    cores: int
    memory: int = 0

    def __add__(self, other: "Room") -> "Room":
        return Room(self.cores + other.cores, self.memory + other.memory)

    def __sub__(self, other: "Room") -> "Room":
        return Room(self.cores - other.cores, self.memory - other.memory)

    def within(self, other: "Room") -> bool:
        """Whether the other one is enough for it."""
        return self.cores <= other.cores and self.memory <= other.memory


class Work(Protocol[AnyKey]):
    """What the tasks are. All is called in the thread of `run`, one call at a time."""

    def begin(self, key: AnyKey) -> Callable[[], Any] | State:
        """What the executor is to call for a task whose needs are met; UNCHANGED or FAILED if nothing is to run."""

    def end(self, key: AnyKey, future: Future[Any]) -> State:
        """Take in what came of it: DONE, FAILED, or ENDED."""

    def room(self, key: AnyKey) -> Room:
        """What it takes."""

    def turned(self, key: AnyKey, state: State) -> None:
        """It stands there now."""


class InterruptedRunError(Exception):
    """A run was asked to end, by the signal of this `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Scheduler(Generic[Key]):
    """One run of a graph: `needs` has the tasks, each with those that it waits for.

    `cost` is a guess at how long each takes, in any unit; those with the longest way to the end start first. While
    there is no room for the first of them others overtake it, but only until all has ended that ran at that time.
    """

    def __init__(
        self,
        needs: Mapping[Key, Collection[Key]],
        work: Work[Key],
        executor: Executor,
        whole: Room,
        keep_going: bool = True,
        cost: Callable[[Key], float] = lambda key: 1.0,
    ) -> None:
        self.work = work
        self.executor = executor
        self.whole = whole
        self.keep_going = keep_going
        self.states: dict[Key, State] = dict.fromkeys(needs, State.WAITING)
        self._open = {key: len(set(waits)) for key, waits in needs.items()}
        self._dependents: dict[Key, list[Key]] = {key: [] for key in needs}
        for key, waits in needs.items():
            for each in set(waits):
                self._dependents[each].append(key)
        ways = _longest_ways(needs, self._dependents, cost)
        self._rank = {key: (-ways[key], place) for place, key in enumerate(needs)}
        self._ready: list[Key] = []
        for key, count in self._open.items():
            if not count:
                self._make_ready(key)
        self._running: dict[Key, Room] = {}
        self._used = Room(0)
        self._waits_for: dict[Key, set[Key]] = {}  # what ran when there was no room for the first in line
        self._interrupted: int | None = None
        self._news: queue.SimpleQueue[tuple[Key, Future[Any]] | Room | int] = queue.SimpleQueue()

    def run(self) -> dict[Key, State]:
        """Run all; where each task stands at the end. After a failure what does not depend on it goes on.

        Without `keep_going` nothing starts after a failure, and what runs is waited for. Raises `InterruptedRunError`.
        """
        while True:
            self._start()
            if not self._running:
                self._heed()
                return self.states
            key, future = self.next_ended()
            self._free(key)
            try:
                if self.keep_going:  # taking in takes a while: what is ready already need not wait for it
                    self._start()
            finally:
                self._take_in(key, future)

    def next_ended(self) -> tuple[Key, Future[Any]]:
        """Wait for a task to end, and start more when there is more room. Raises `InterruptedRunError`."""
        while True:
            news = self._news.get()
            if isinstance(news, int):
                raise InterruptedRunError(news)
            if not isinstance(news, Room):
                return news
            self.whole = news
            self._start()

    def resize(self, whole: Room) -> None:
        """Say that there is so much room from now on, in whatever thread; what runs goes on."""
        self._news.put(whole)

    def interrupt(self, number: int) -> None:
        """Have the run end between two tasks: what is taken in is taken in whole. A handler of signals may call it."""
        self._interrupted = number
        self._news.put(number)

    def _heed(self) -> None:
        """Raise `InterruptedRunError` if the run is to end. Where nothing runs, nobody waits for news of it."""
        if self._interrupted is not None:
            raise InterruptedRunError(self._interrupted)

    def take_in_ended(self) -> None:
        """Take in what has ended by now, for a run that was interrupted."""
        while not self._news.empty():
            news = self._news.get()
            if isinstance(news, tuple):
                self._free(news[0])
                self._take_in(*news, ready=False)

    def _make_ready(self, key: Key) -> None:
        insort(self._ready, key, key=self._rank.__getitem__)

    def _start(self) -> None:
        """Start what there is room for. What needs no work makes others ready, hence the loop."""
        while self._may_start() and (chosen := self._first_that_fits()):
            self._heed()
            key, room = chosen
            self._ready.remove(key)
            function = self.work.begin(key)
            if isinstance(function, State):
                self._settle(key, function)
                continue
            self._running[key] = room
            self._used += room
            self._turn(key, State.RUNNING)
            self.executor.submit(function).add_done_callback(partial(self._note_end, key))

    def _first_that_fits(self) -> tuple[Key, Room] | None:
        """A task that is too large for all there is fits alone."""
        for key in self._ready:
            if self._used.cores >= self.whole.cores:
                break
            room = self.work.room(key)
            if not self._running or (self._used + room).within(self.whole):
                return key, room
            if key == self._ready[0] and self._has_waited(key):
                break
        return None

    def _has_waited(self, key: Key) -> bool:
        """Whether all has ended that ran when there was no room for it first."""
        return self._running.keys().isdisjoint(self._waits_for.setdefault(key, set(self._running)))

    def _note_end(self, key: Key, future: Future[Any]) -> None:
        """In whatever thread."""
        self._news.put((key, future))

    def _may_start(self) -> bool:
        return self.keep_going or State.FAILED not in self.states.values()

    def _free(self, key: Key) -> None:
        self._used -= self._running.pop(key)

    def _take_in(self, key: Key, future: Future[Any], ready: bool = True) -> None:
        self._settle(key, self.work.end(key, future), ready)

    def _settle(self, key: Key, state: State, ready: bool = True) -> None:
        self._turn(key, state)
        if state is State.FAILED:
            self._leave_out(key)
        elif ready and state is not State.ENDED:
            self._release(key)

    def _release(self, key: Key) -> None:
        for each in self._dependents[key]:
            self._open[each] -= 1
            if not self._open[each]:
                self._make_ready(each)

    def _leave_out(self, key: Key) -> None:
        todo = list(self._dependents[key])
        while todo:
            each = todo.pop()
            if self.states[each] is State.WAITING:
                self._turn(each, State.LEFT_OUT)
                todo += self._dependents[each]

    def _turn(self, key: Key, state: State) -> None:
        self.states[key] = state
        self.work.turned(key, state)


def _longest_ways(
    needs: Mapping[Key, Collection[Key]], dependents: Mapping[Key, Collection[Key]], cost: Callable[[Key], float]
) -> dict[Key, float]:
    """The cost of the longest way from each task to the end, its own included."""
    ways: dict[Key, float] = {}
    left = {key: len(after) for key, after in dependents.items()}
    todo = [key for key, count in left.items() if not count]
    while todo:
        key = todo.pop()
        ways[key] = cost(key) + max((ways[each] for each in dependents[key]), default=0.0)
        for each in set(needs[key]):
            left[each] -= 1
            if not left[each]:
                todo.append(each)
    return ways
