"""What may start when: order, room, failures, and how close to the bound a large graph comes."""

import heapq
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from benchmarks.cluster import bound, many_variants
from latentlab.runner.scheduler import InterruptedRunError, Room, Scheduler, State

TWO = Room(2)
DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


class Recorded:
    """Tasks that take some seconds, and what became of them."""

    def __init__(
        self,
        seconds: Mapping[str, float] | None = None,
        fails: tuple[str, ...] = (),
        unchanged: tuple[str, ...] = (),
        rooms: Mapping[str, Room] | None = None,
    ) -> None:
        self.seconds = seconds or {}
        self.fails = fails
        self.unchanged = unchanged
        self.rooms = rooms or {}
        self.told: list[tuple[str, State]] = []
        self.at_work: set[str] = set()
        self.most: list[set[str]] = []
        self.lock = threading.Lock()

    def begin(self, key: str) -> Callable[[], Any] | State:
        """What there is to do, unless it is unchanged."""
        return State.UNCHANGED if key in self.unchanged else lambda: self.do(key)

    def do(self, key: str) -> None:
        """Take as long as it does."""
        with self.lock:
            self.at_work.add(key)
            self.most.append(set(self.at_work))
        time.sleep(self.seconds.get(key, 0.0))
        with self.lock:
            self.at_work.remove(key)

    def end(self, key: str, future: Future[Any]) -> State:
        """Done, if it is none of those that fail."""
        future.result()
        return State.FAILED if key in self.fails else State.DONE

    def room(self, key: str) -> Room:
        """One core if nothing else is said."""
        return self.rooms.get(key, Room(1))

    def turned(self, key: str, state: State) -> None:
        """Write it down."""
        self.told.append((key, state))

    def order(self, state: State) -> list[str]:
        """Who got there, one after the other."""
        return [key for key, each in self.told if each is state]


def run(graph: Mapping[str, list[str]], work: Recorded, whole: Room = TWO, **options: Any) -> dict[str, State]:
    with ThreadPoolExecutor(max(len(graph), 1)) as pool:
        return Scheduler(graph, work, pool, whole, **options).run()


def test_each_starts_once_when_all_that_it_waits_for_is_done() -> None:
    work = Recorded()
    assert set(run(DIAMOND, work).values()) == {State.DONE}
    started, done = work.order(State.RUNNING), work.order(State.DONE)
    assert sorted(started) == sorted(DIAMOND)
    for key, needs in DIAMOND.items():
        for each in needs:
            assert work.told.index((each, State.DONE)) < work.told.index((key, State.RUNNING))
    assert done[0] == "a"
    assert done[-1] == "d"
    assert run({}, Recorded()) == {}


def test_what_needs_no_work_makes_others_ready() -> None:
    work = Recorded(unchanged=("a", "b", "c"))
    states = run(DIAMOND, work)
    assert states == {"a": State.UNCHANGED, "b": State.UNCHANGED, "c": State.UNCHANGED, "d": State.DONE}


def test_a_failure_leaves_out_what_depends_on_it_alone() -> None:
    graph = {**DIAMOND, "e": ["a"], "f": ["e"], "g": ["d", "f"]}
    states = run(graph, Recorded(fails=("b",)))
    assert {key for key, state in states.items() if state is State.DONE} == {"a", "c", "e", "f"}
    assert states["b"] is State.FAILED
    assert {key for key, state in states.items() if state is State.LEFT_OUT} == {"d", "g"}


def test_without_keep_going_nothing_starts_after_a_failure() -> None:
    graph: dict[str, list[str]] = {"bad": [], "long": [], "later": ["long"], "last": []}
    work = Recorded({"long": 0.2}, fails=("bad",))
    states = run(graph, work, keep_going=False)
    assert states == {
        "bad": State.FAILED,
        "long": State.DONE,  # it ran already
        "later": State.WAITING,
        "last": State.WAITING,
    }


def test_cores_and_memory_of_what_runs_stay_within_the_machine() -> None:
    graph: dict[str, list[str]] = {name: [] for name in "abcdef"}
    rooms = {"a": Room(2, 1), "b": Room(1, 6), "c": Room(1, 6), "d": Room(1, 3), "e": Room(1, 1), "f": Room(3, 1)}
    whole = Room(3, 10)
    work = Recorded(dict.fromkeys(graph, 0.02), rooms=rooms)
    assert set(run(graph, work, whole).values()) == {State.DONE}
    for together in work.most:
        assert sum((rooms[key] for key in together), Room(0)).within(whole), together
    assert max(map(len, work.most)) >= 2


def test_what_is_too_large_for_the_machine_runs_alone() -> None:
    graph: dict[str, list[str]] = {name: [] for name in "abc"}
    work = Recorded(dict.fromkeys(graph, 0.02), rooms={"b": Room(9, 99)})
    assert set(run(graph, work, Room(2, 10)).values()) == {State.DONE}
    assert [together for together in work.most if "b" in together] == [{"b"}]


def test_the_longest_way_to_the_end_goes_first() -> None:
    graph = {"short": [], "x": [], "long": [], "l2": ["long"], "l3": ["l2"]}
    work = Recorded()
    run(graph, work, Room(1))
    assert work.order(State.RUNNING)[0] == "long"


def test_what_had_ended_is_taken_in_after_an_interruption() -> None:
    work = Recorded({"slow": 0.3})
    graph: dict[str, list[str]] = {"quick": [], "slow": [], "after": ["quick"]}

    def begin(key: str) -> Callable[[], Any] | State:
        if key == "after":
            scheduler.interrupt(15)
            return State.UNCHANGED
        return lambda: work.do(key)

    work.begin = begin  # type: ignore[method-assign]
    with ThreadPoolExecutor(3) as pool:
        scheduler = Scheduler(graph, work, pool, Room(2))
        with pytest.raises(InterruptedRunError) as raised:
            scheduler.run()
        pool.shutdown()
        scheduler.take_in_ended()
    assert raised.value.number == 15
    assert scheduler.states == {"quick": State.DONE, "slow": State.DONE, "after": State.UNCHANGED}


@pytest.mark.parametrize("last", ["b", "d"])
def test_an_interruption_is_heeded_while_nothing_runs(last: str) -> None:
    begun: list[str] = []

    def begin(key: str) -> State:
        begun.append(key)
        if key == last:
            scheduler.interrupt(15)
        return State.UNCHANGED

    work = Recorded()
    work.begin = begin  # type: ignore[method-assign]
    scheduler = Scheduler(DIAMOND, work, Idle(), TWO)
    with pytest.raises(InterruptedRunError) as raised:
        scheduler.run()
    assert raised.value.number == 15
    assert begun == list("abcd")[: 2 if last == "b" else 4]


def test_what_has_ended_is_taken_in_whatever_begin_raises() -> None:
    work = Recorded({"b": 0.05, "c": 0.3})
    graph: dict[str, list[str]] = {"b": [], "c": [], "d": []}

    def begin(key: str) -> Callable[[], Any]:
        if key == "d":
            raise MemoryError
        return lambda: work.do(key)

    work.begin = begin  # type: ignore[method-assign]
    with ThreadPoolExecutor(3) as pool:
        scheduler = Scheduler(graph, work, pool, TWO)
        with pytest.raises(MemoryError):
            scheduler.run()
        pool.shutdown()
        scheduler.take_in_ended()
    assert scheduler.states == {"b": State.DONE, "c": State.DONE, "d": State.WAITING}


def test_a_large_task_is_not_overtaken_for_ever() -> None:
    graph: dict[str, list[str]] = {"first": [], **{f"small{number}": [] for number in range(20)}, "large": ["first"]}
    seconds = {name: 0.02 + 0.01 * (place % 2) for place, name in enumerate(graph)}
    work = Recorded(seconds, rooms={"large": TWO})
    cost = {**dict.fromkeys(graph, 1.0), "large": 100.0}
    assert set(run(graph, work, cost=cost.__getitem__).values()) == {State.DONE}
    assert work.order(State.RUNNING).index("large") < 6


def test_what_cannot_begin_has_failed() -> None:
    work = Recorded()
    work.begin = lambda key: State.FAILED if key == "b" else lambda: work.do(key)  # type: ignore[method-assign]
    assert run(DIAMOND, work) == {"a": State.DONE, "b": State.FAILED, "c": State.DONE, "d": State.LEFT_OUT}


class Simulated(Scheduler[str]):
    """Time passes by itself, and an executor that does nothing gives futures that end in their time."""

    now = 0.0

    def next_ended(self) -> tuple[str, Future[Any]]:
        """The task that ends next."""
        for key in self._running.keys() - self.known:
            heapq.heappush(self.ends, (self.now + self.seconds[key], key))
        self.known = set(self._running)
        self.now, key = heapq.heappop(self.ends)
        future: Future[Any] = Future()
        future.set_result(None)
        return key, future

    seconds: Mapping[str, float]
    ends: list[tuple[float, str]]
    known: set[str]


class Idle(Executor):
    """Takes what it gets, and leaves it."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that nobody ends."""
        return Future()


def test_two_thousand_tasks_on_fifty_slots_come_close_to_the_bound() -> None:
    slots = 50
    graph, seconds = many_variants(400)
    least = bound(graph, seconds, slots)
    rng = random.Random(1)
    guess = {key: value * rng.uniform(0.8, 1.25) for key, value in seconds.items()}  # as of the run before
    scheduler = Simulated(graph, Recorded(), Idle(), Room(slots), cost=guess.__getitem__)
    scheduler.seconds, scheduler.ends, scheduler.known = seconds, [], set()
    states = scheduler.run()
    assert len(states) == 2001
    assert set(states.values()) == {State.DONE}
    assert least <= scheduler.now < 1.05 * least


def test_a_task_costs_next_to_nothing() -> None:
    graph, _ = many_variants(400)
    with ThreadPoolExecutor(50) as pool:
        start = time.perf_counter()
        Scheduler(graph, Recorded(), pool, Room(50)).run()
        took = time.perf_counter() - start
    assert took < 0.01 * len(graph)  # 0.0005 where nothing runs beside it


def test_more_room_is_taken_as_soon_as_it_is_there() -> None:
    graph: dict[str, list[str]] = {name: [] for name in "abc"}
    work = Recorded(dict.fromkeys(graph, 0.3))
    with ThreadPoolExecutor(3) as pool:
        scheduler = Scheduler(graph, work, pool, Room(1))
        threading.Timer(0.1, scheduler.resize, [Room(3)]).start()
        scheduler.run()
    assert max(map(len, work.most)) == 3
    assert scheduler.states == dict.fromkeys(graph, State.DONE)
