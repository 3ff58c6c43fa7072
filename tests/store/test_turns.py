"""Whose turn it is: as a state machine, where the store and a plain model agree whoever does what in whatever order.

A line is what takes turns: a person with their own runs, and behind everybody's the same person with those of their studies.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mnist_lab.design.presets import PRESETS
from mnist_lab.store.queue import MAX_CRASHES
from mnist_lab.store.run import Status
from mnist_lab.store.schema import STUDY_TURN
from mnist_lab.store.store import Store
from mnist_lab.store.studies import NewStudy, Planned
from mnist_lab.training.reports import Command
from tests.builders.classes import CODE, open_class
from tests.builders.runs import OUTCOME

ADA, BOB = "ada", "bob"  # no pupils: one person


class Turns(RuleBasedStateMachine):
    """A model of few words: whose run each is; what waits of each person in order, deleted or not; who was served when."""

    people = Bundle("people")
    runs = Bundle("runs")

    def __init__(self, opened: Callable[[], contextlib.AbstractContextManager[Store]]) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.store = self.stack.enter_context(opened())
        open_class(self.store)
        self.room = self.store.classes.current().id
        self.clock, self.seeds = itertools.count(1), itertools.count(1, 3)
        self.pupils: list[str] = []
        self.owner: dict[int, str] = {}
        self.of_study: set[int] = set()
        self.waiting: dict[str, list[int]] = {"": [], STUDY_TURN: []}
        self.served: dict[str, int] = {}
        self.status: dict[int, Status] = {}
        self.command: dict[int, Command] = {}
        self.crashes: dict[int, int] = {}
        self.deleted: set[int] = set()
        self.is_held = self.is_closed = False
        self.passed: dict[tuple[str, str], int] = {}  # how often somebody who waits was passed over by another

    def teardown(self) -> None:
        self.stack.close()

    # People

    @initialize(target=people)
    def three_have_joined(self) -> object:
        return multiple(*(self._join() for _ in range(3)), ADA, BOB)

    @rule(target=people)
    @precondition(lambda self: not self.is_closed)
    def joins(self) -> str:
        return self._join()

    def _join(self) -> str:
        key = self.store.people.join(self.room, f"name {len(self.pupils)}").key
        self.pupils.append(key)
        self.waiting[key], self.waiting[key + STUDY_TURN] = [], []
        return key

    @rule(target=runs, key=people)
    def queues(self, key: str) -> int:
        return self._queue(key)

    @rule(target=runs, keys=st.lists(people, min_size=2, max_size=6))
    def queue_at_once(self, keys: list[str]) -> object:
        return multiple(*map(self._queue, keys))

    @rule(target=runs, key=people, seeds=st.integers(1, 3))
    def starts_a_study(self, key: str, seeds: int) -> object:
        first = next(self.seeds)
        planned = [Planned(0, PRESETS["3x3"].with_changes(seed=first + i)) for i in range(seeds)]
        study_id = self.store.studies.freeze(NewStudy(key, "{}", "", "[]"), planned, ())
        its = self.store.studies.unended(study_id)
        self.of_study |= set(its)
        return multiple(*(self._queued(run, key) for run in its))

    @rule(key=people)
    def is_removed(self, key: str) -> None:
        self.store.people.remove(key)
        if key in self.pupils:
            self._pause_all(key)

    @rule()
    def the_class_is_closed(self) -> None:
        self.store.classes.close(self.room)
        self.is_closed, self.is_held = True, False
        for key in self.pupils:
            self._pause_all(key)

    @rule()
    def it_is_opened_again(self) -> None:
        self.store.classes.reopen(self.room)
        self.is_closed = False

    @rule(is_held=st.booleans())
    def the_queue_is_held(self, is_held: bool) -> None:
        self.store.classes.hold(self.room, is_held=is_held)
        self.is_held = is_held

    # The engine

    @rule()
    def claim(self) -> None:
        run = self.store.queue.claim("engine")
        expected = None if self.is_held else next(iter(self.in_turn()), None)
        assert (run.id if run else None) == expected
        if run:
            self._serve(run.id)

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.running)
    def a_worker_obeys_or_has_done(self, which: int) -> None:
        run = self.running[which % len(self.running)]
        if self.command[run] is Command.PAUSE:
            self.store.recording.pause(run)
            self.status[run] = Status.PAUSED
        else:
            self.store.recording.finish(run, OUTCOME)
            self.status[run] = Status.FINISHED

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self.running)
    def a_worker_dies(self, which: int) -> None:
        run = self.running[which % len(self.running)]
        self.store.queue.crashed(run)
        self._lost([run])

    @rule()
    @precondition(lambda self: self.running)
    def the_engine_dies(self) -> None:
        self.store.lease.requeue_orphans()
        self._lost(self.running)

    # Commands

    @rule(run=runs)
    def pause(self, run: int) -> None:
        self.store.queue.pause(run)
        self._pause(run)

    @rule(run=runs)
    def resume(self, run: int) -> None:
        self.store.queue.resume(run)
        if run in self.deleted:
            return
        if self.status[run] in (Status.PAUSED, Status.INTERRUPTED):
            self.crashes[run] = 0
            self._to_front(run)
        if self.command[run] is Command.PAUSE:
            self.command[run] = Command.CONTINUE

    @rule(run=runs)
    def stop(self, run: int) -> None:
        self.store.queue.stop(run)
        if run in self.deleted:
            return
        if self.status[run] is Status.RUNNING:
            self.command[run] = Command.STOP
        elif self.status[run] in (Status.QUEUED, Status.PAUSED, Status.INTERRUPTED):
            self._leave(run)
            self.status[run] = Status.CANCELLED

    @rule(run=runs, places=st.integers(-3, 3))
    def move(self, run: int, places: int) -> None:
        self.store.queue.move(run, places)
        line = self.waiting[self.line(run)]
        visible = [other for other in line if other not in self.deleted]
        if run not in visible:
            return
        where = [place for place, other in enumerate(line) if other not in self.deleted]
        to = min(max(visible.index(run) + places, 0), len(visible) - 1)
        visible.remove(run)
        visible.insert(to, run)
        for place, other in zip(where, visible, strict=True):
            line[place] = other

    @rule(run=runs)
    def delete(self, run: int) -> None:
        if self.status[run] is not Status.RUNNING and run not in self.of_study:
            self.store.labels.set([run], deleted=True)
            self.deleted.add(run)

    @rule(run=runs)
    def restore(self, run: int) -> None:
        self.store.labels.set([run], deleted=False)
        self.deleted.discard(run)

    # The model

    @property
    def running(self) -> list[int]:
        return [run for run, status in self.status.items() if status is Status.RUNNING]

    def line(self, run: int) -> str:
        person = self.owner[run] if self.owner[run] in self.pupils else ""
        return person + (STUDY_TURN if run in self.of_study else "")

    def in_turn(self) -> list[int]:
        """What claims would take one by one: of those who wait, of whoever was served longest ago; before them of whoever
        never was, the oldest run first."""
        lines = {key: [run for run in line if run not in self.deleted] for key, line in self.waiting.items()}
        served, order = dict(self.served), []
        for moment in itertools.count(max(served.values(), default=0) + 1):
            waits = [key for key, line in lines.items() if line]
            if not waits:
                return order
            key = min(
                waits, key=lambda key: (key.endswith(STUDY_TURN), key in served, served.get(key, min(lines[key])))
            )
            order.append(lines[key].pop(0))
            served[key] = moment
        raise AssertionError

    def _queue(self, key: str) -> int:
        (run,) = self.store.queue.add([PRESETS["3x3"]], key)
        return self._queued(run, key)

    def _queued(self, run: int, key: str) -> int:
        self.owner[run] = key
        self.status[run], self.command[run], self.crashes[run] = Status.QUEUED, Command.CONTINUE, 0
        self.waiting[self.line(run)].append(run)
        return run

    def _serve(self, run: int) -> None:
        mine = self.line(run)
        self.status[run] = Status.RUNNING
        self._leave(run)
        self.served[mine] = next(self.clock)
        for other, line in self.waiting.items():
            is_alike = other.endswith(STUDY_TURN) == mine.endswith(STUDY_TURN)
            if other != mine and is_alike and any(run not in self.deleted for run in line):
                self.passed[other, mine] = self.passed.get((other, mine), 0) + 1
                assert self.passed[other, mine] <= 1, f"{other} waits, and {mine} was served twice"
            self.passed.pop((mine, other), None)

    def _pause_all(self, key: str) -> None:
        for run in [run for run, owner in self.owner.items() if owner == key]:
            self._pause(run)

    def _pause(self, run: int) -> None:
        if self.status[run] is Status.RUNNING and self.command[run] is Command.CONTINUE:
            self.command[run] = Command.PAUSE
        elif self.status[run] is Status.QUEUED and run not in self.deleted:
            self._leave(run)
            self.status[run] = Status.PAUSED

    def _lost(self, running: list[int]) -> None:
        for run in running:
            self.crashes[run] += 1
            if self.crashes[run] >= MAX_CRASHES:
                self.status[run] = Status.INTERRUPTED
        left = [run for run in running if self.status[run] is Status.RUNNING]
        for run in reversed(left):
            mine = self.line(run)
            self.served.pop(mine, None)
            for other in self.waiting:
                self.passed.pop((other, mine), None)
            if self.command[run] is Command.PAUSE:
                self.status[run] = Status.PAUSED
            else:
                self._to_front(run)

    def _leave(self, run: int) -> None:
        mine = self.line(run)
        if run in self.waiting[mine]:
            self.waiting[mine].remove(run)
        self._forget_passed(mine)

    def _forget_passed(self, person: str) -> None:
        """Whoever has nothing that waits is not passed over."""
        if all(run in self.deleted for run in self.waiting[person]):
            for pair in [pair for pair in self.passed if pair[0] == person]:
                del self.passed[pair]

    def _to_front(self, run: int) -> None:
        self._leave(run)
        self.waiting[self.line(run)].insert(0, run)
        self.status[run] = Status.QUEUED

    @invariant()
    def what_is_told_is_what_will_be_served(self) -> None:
        told = [run.id for run in self.store.queue.active() if run.status is Status.QUEUED]
        assert told == self.in_turn()
        for key, line in self.waiting.items():
            mine = [run for run in told if self.line(run) == key]
            assert mine == [run for run in line if run not in self.deleted], "a person's own runs keep their order"
            if not mine:
                self._forget_passed(key)


@pytest.mark.parametrize("examples", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_turns_are_taken_as_the_model_says_whatever_is_asked(
    kind: str, opened: Callable[[], contextlib.AbstractContextManager[Store]], examples: int
) -> None:
    run_state_machine_as_test(
        lambda: Turns(opened),
        settings=settings(
            max_examples=examples if kind == "sqlite" else examples // 3,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.fixture
def pupils(store: Store) -> list[str]:
    """The keys of three pupils of an open class."""
    room = open_class(store)
    return [store.people.join(room, name).key for name in ("Cleo", "Dana", "Emil")]


def queue(store: Store, key: str, seeds: int = 1) -> list[int]:
    return store.queue.add([PRESETS["3x3"]] * seeds, key)


def told(store: Store) -> list[int]:
    return [run.id for run in store.queue.active() if run.status is Status.QUEUED]


def served(store: Store) -> list[int]:
    """What claims take one by one until nothing waits."""
    order = []
    while run := store.queue.claim("engine"):
        order.append(run.id)
    return order


def test_with_thirty_people_one_of_them_with_thirty_seeds_all_have_begun_after_thirty_runs(store: Store) -> None:
    room = open_class(store)
    keys = [store.people.join(room, f"name {number}").key for number in range(30)]
    greedy = queue(store, keys[0], 30)
    others = [run for key in keys[1:] for run in queue(store, key)]
    assert told(store) == [greedy[0], *others, *greedy[1:]]
    assert served(store) == [greedy[0], *others, *greedy[1:]]


def test_before_anybody_was_served_turns_are_as_they_came_also_for_their_second_runs(
    store: Store, pupils: list[str]
) -> None:
    cleo, dana, _ = pupils
    (c1,), (d1, d2), (c2,) = queue(store, cleo), queue(store, dana, 2), queue(store, cleo)
    assert told(store) == [c1, d1, c2, d2]
    assert served(store) == [c1, d1, c2, d2]


def test_nobody_comes_sooner_by_pausing_and_resuming_or_moving(store: Store, pupils: list[str]) -> None:
    cleo, dana, emil = pupils
    (c,), (d,), (e1, e2) = queue(store, cleo), queue(store, dana), queue(store, emil, 2)
    store.queue.pause(e1, e2)
    store.queue.resume(e1, e2)
    store.queue.move(e2, -1)
    assert told(store) == [c, d, e2, e1]


def test_turns_do_not_depend_on_the_clock(store: Store, pupils: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cleo, dana, _ = pupils
    c, d = queue(store, cleo, 2), queue(store, dana, 2)
    assert store.queue.claim("engine").id == c[0]
    monkeypatch.setattr(time, "time", lambda: 1000.0)  # set back, and standing still
    assert served(store) == [d[0], c[1], d[1]]


def test_whoever_loses_a_worker_was_not_served(store: Store, pupils: list[str]) -> None:
    cleo, dana, emil = pupils
    (c1, c2), (d,), (e,) = queue(store, cleo, 2), queue(store, dana), queue(store, emil)
    store.queue.claim("engine")
    store.queue.claim("engine")
    store.queue.crashed(c1)
    assert told(store) == [c1, e, c2]
    store.queue.crashed(d)
    assert served(store) == [c1, d, e, c2]


def test_while_the_queue_is_held_nothing_is_claimed_and_what_trains_goes_on(store: Store, pupils: list[str]) -> None:
    first, second = queue(store, pupils[0], 2)
    store.queue.claim("engine")
    store.classes.hold(store.classes.current().id, is_held=True)
    assert store.queue.claim("engine") is None
    assert store.queue.claim("engine", only=[second]) is None
    assert store.runs.get(first).command is Command.CONTINUE
    store.classes.hold(store.classes.current().id, is_held=False)
    assert store.queue.claim("engine").id == second


def test_after_the_class_what_it_left_is_first_in_first_out_with_all_else(store: Store, pupils: list[str]) -> None:
    cleo, dana, _ = pupils
    c, d = queue(store, cleo, 2), queue(store, dana)
    store.classes.end(store.classes.current().id)
    assert told(store) == []
    (mine,) = queue(store, ADA)
    store.queue.resume(*c, *d)
    assert told(store) == [*c, *d, mine]
    store.queue.move(mine, -2)
    assert told(store) == [c[0], mine, c[1], *d]
    assert served(store) == [c[0], mine, c[1], *d]


def test_runs_of_another_class_are_no_pupils_of_this_one(store: Store, pupils: list[str]) -> None:
    store.classes.end(store.classes.current().id)
    room = store.classes.open(CODE, "{}")
    new = store.people.join(room, "Cleo").key
    old, (mine,), now = queue(store, pupils[0], 2), queue(store, ADA), queue(store, new, 2)
    assert told(store) == [old[0], now[0], old[1], now[1], mine]


def study(store: Store, key: str, seeds: int, first: int) -> list[int]:
    """The runs of a new study, in their order."""
    planned = [Planned(0, PRESETS["3x3"].with_changes(seed=first + i)) for i in range(seeds)]
    return store.studies.unended(store.studies.freeze(NewStudy(key, "{}", "", "[]"), planned, ()))


def test_studies_wait_behind_everybodys_own_runs_and_take_turns_among_themselves(
    store: Store, pupils: list[str]
) -> None:
    cleo, dana, emil = pupils
    c, d, mine = study(store, cleo, 3, 1), study(store, dana, 2, 11), study(store, ADA, 2, 21)
    own = queue(store, emil, 2)
    assert told(store) == [*own, c[0], d[0], mine[0], c[1], d[1], mine[1], c[2]]
    assert [store.queue.claim("engine").id for _ in range(4)] == [*own, c[0], d[0]]
    late = queue(store, cleo)
    assert told(store) == [*late, mine[0], c[1], d[1], mine[1], c[2]], "of studies who was not served yet comes next"
    assert served(store) == [*late, mine[0], c[1], d[1], mine[1], c[2]]


def test_a_run_of_a_study_stays_behind_whatever_becomes_of_it(store: Store) -> None:
    first, second, third = study(store, ADA, 3, 1)
    (own,) = queue(store, ADA)
    store.queue.move(third, -9)
    assert told(store) == [own, third, first, second]
    store.queue.move(own, 9)
    assert told(store) == [own, third, first, second]
    assert store.queue.claim("engine", only=[second]).id == second
    store.queue.crashed(second)
    assert told(store) == [own, second, third, first]
    store.queue.pause(first)
    store.queue.resume(first)
    assert told(store) == [own, first, second, third]


def test_claims_at_once_take_turns_and_take_nothing_twice(store: Store, url: str, pupils: list[str]) -> None:
    runs = {key: queue(store, key, 8) for key in pupils}
    claimed: list[tuple[float, int]] = []
    begin = threading.Barrier(4)

    def claim() -> None:
        mine = Store(url)
        begin.wait()
        while run := mine.queue.claim("engine"):
            claimed.append((run.started, run.id))
        mine.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order = [run for _, run in sorted(claimed)]
    assert order == [runs[key][turn] for turn in range(8) for key in pupils]
