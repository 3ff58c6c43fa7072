"""The queue: who is next, what is asked of whom; and as a state machine, where the store and a plain model agree
whatever is pressed in whatever order."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.store import queue
from mnist_lab.store.queue import MAX_CRASHES
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command, Report
from tests.builders.runs import OUTCOME, epoch, point, trained

ENDED = {Status.FINISHED, Status.CANCELLED, Status.FAILED, Status.STOPPED}


class Queue(RuleBasedStateMachine):
    """A model of few words: what waits in order, deleted or not; for each run its status, command, epochs kept, crashes in a row."""

    runs = Bundle("runs")

    def __init__(self, opened: Callable[[], contextlib.AbstractContextManager[Store]]) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.store = self.stack.enter_context(opened())
        self.waiting: list[int] = []
        self.status: dict[int, Status] = {}
        self.command: dict[int, Command] = {}
        self.epochs: dict[int, int] = {}
        self.crashes: dict[int, int] = {}
        self.deleted: set[int] = set()
        self.ended: dict[int, object] = {}

    def teardown(self) -> None:
        self.stack.close()

    @rule(target=runs)
    def add(self) -> int:
        (run_id,) = self.store.queue.add([PRESETS["3x3"]], "ada")
        self.waiting.append(run_id)
        self.status[run_id] = Status.QUEUED
        self.command[run_id] = Command.CONTINUE
        self.epochs[run_id] = self.crashes[run_id] = 0
        return run_id

    @rule()
    def claim(self) -> None:
        run = self.store.queue.claim("engine")
        assert (run.id if run else None) == next(iter(self.in_turn()), None)
        if run:
            self.waiting.remove(run.id)
            self.status[run.id] = Status.RUNNING
            found = self.store.recording.begin(run.id, {})
            assert (found.epoch if found else 0) == self.epochs[run.id]

    @rule(run=runs)
    def train_an_epoch(self, run: int) -> None:
        command = self.store.recording.record(run, epoch(self.epochs[run] + 1))
        if self.status[run] is Status.RUNNING:
            self.epochs[run] += 1
            self.crashes[run] = 0
            assert command is self.command[run]
            if command is Command.PAUSE:
                self.store.recording.pause(run)
                self.status[run] = Status.PAUSED
            elif command is Command.STOP:
                self.store.recording.finish(run, OUTCOME)
                self.status[run] = Status.FINISHED
        else:
            assert command is Command.STOP

    @rule(run=runs)
    def finish(self, run: int) -> None:
        self.store.recording.finish(run, OUTCOME)
        if self.status[run] is Status.RUNNING:
            self.status[run] = Status.FINISHED

    @rule(run=runs)
    def fail(self, run: int) -> None:
        self.store.recording.end(run, Status.FAILED, "It diverged.")
        if self.status[run] is Status.RUNNING:
            self.status[run] = Status.FAILED

    @rule(run=runs)
    def worker_dies(self, run: int) -> None:
        self.store.queue.crashed(run)
        if self.status[run] is not Status.RUNNING:
            return
        self.crashes[run] += 1
        if self.crashes[run] >= MAX_CRASHES:
            self.status[run] = Status.INTERRUPTED
        elif self.command[run] is Command.PAUSE:
            self.status[run] = Status.PAUSED
        else:
            self._to_front(run)

    @rule(run=runs)
    def pause(self, run: int) -> None:
        self.store.queue.pause(run)
        if run in self.deleted:
            return
        if self.status[run] is Status.QUEUED:
            self.waiting.remove(run)
            self.status[run] = Status.PAUSED
        elif self.status[run] is Status.RUNNING and self.command[run] is Command.CONTINUE:
            self.command[run] = Command.PAUSE

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
        if self.status[run] in ENDED or run in self.deleted:
            return
        if self.status[run] is not Status.RUNNING and not self.epochs[run]:
            if run in self.waiting:
                self.waiting.remove(run)
            self.status[run] = Status.CANCELLED
            return
        self.command[run] = Command.STOP
        if self.status[run] is not Status.RUNNING:
            self.crashes[run] = 0
            self._to_front(run)

    @rule(run=runs, places=st.integers(-3, 3))
    def move(self, run: int, places: int) -> None:
        self.store.queue.move(run, places)
        waiting = self.in_turn()
        if run in waiting:
            theirs = [place for place, other in enumerate(self.waiting) if other in waiting]
            place = min(max(waiting.index(run) + places, 0), len(waiting) - 1)
            waiting.remove(run)
            waiting.insert(place, run)
            for where, other in zip(theirs, waiting, strict=True):
                self.waiting[where] = other

    @rule(run=runs)
    def delete(self, run: int) -> None:
        if self.status[run] is not Status.RUNNING:
            self.store.labels.set([run], deleted=True)
            self.deleted.add(run)

    @rule(run=runs)
    def restore(self, run: int) -> None:
        self.store.labels.set([run], deleted=False)
        self.deleted.discard(run)

    @rule(run=consumes(runs))
    def the_engine_dies(self, run: int) -> None:
        """All that trains at once; `run` is only left alone from here on."""
        running = [i for i, status in self.status.items() if status is Status.RUNNING]
        self.store.lease.requeue_orphans()
        for i in running:
            self.crashes[i] += 1
            if self.crashes[i] >= MAX_CRASHES:
                self.status[i] = Status.INTERRUPTED
            elif self.command[i] is Command.PAUSE:
                self.status[i] = Status.PAUSED
        front = sorted(i for i in running if self.status[i] is Status.RUNNING)
        for i in reversed(front):
            self._to_front(i)

    def in_turn(self) -> list[int]:
        return [run for run in self.waiting if run not in self.deleted]

    def _to_front(self, run: int) -> None:
        if run in self.waiting:
            self.waiting.remove(run)
        self.waiting.insert(0, run)
        self.status[run] = Status.QUEUED

    @invariant()
    def store_and_model_agree(self) -> None:
        found = {run.id: run for run in self.store.runs.all()}
        assert {i: run.status for i, run in found.items()} == {
            i: status for i, status in self.status.items() if i not in self.deleted
        }
        assert [run.id for run in self.store.queue.active() if run.status is Status.QUEUED] == self.in_turn()
        for i, run in found.items():
            if run.status in ENDED:
                self.ended.setdefault(i, run)
                assert replace(run, deleted=None) == self.ended[i], "a run that has ended never changes"


def test_it_does_what_the_model_says_whatever_is_asked_of_it(
    kind: str, opened: Callable[[], contextlib.AbstractContextManager[Store]]
) -> None:
    run_state_machine_as_test(
        lambda: Queue(opened),
        settings=settings(
            max_examples=40 if kind == "sqlite" else 10,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_the_queue_is_first_come_first_served_and_each_run_is_claimed_once(store: Store, url: str) -> None:
    ids = store.queue.add([PRESETS["3x3"]] * 20, "ada")
    claimed: list[int] = []

    def claim_all() -> None:
        mine = Store(url)
        while run := mine.queue.claim("engine"):
            claimed.append(run.id)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == ids


def test_claim_only_takes_what_it_may(store: Store) -> None:
    first, second = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    run = store.queue.claim("engine", only=[second])
    assert run is not None
    assert run.id == second
    assert store.queue.claim("engine", only=[second]) is None
    assert [run.id for run in store.queue.active()] == [second, first]


def test_a_waiting_run_is_cancelled_a_running_one_asked_to_stop_an_ended_one_left_alone(store: Store) -> None:
    waiting, running = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    store.queue.claim("engine", only=[running])
    store.queue.stop(waiting)
    assert store.runs.get(waiting).status is Status.CANCELLED
    assert store.recording.record(running, Report([point(0)])) is Command.CONTINUE
    store.queue.pause(running)
    assert store.recording.record(running, Report([point(0)])) is Command.PAUSE
    store.queue.stop(running)
    assert store.runs.get(running).status is Status.RUNNING
    assert store.recording.record(running, Report([point(1)])) is Command.STOP
    store.recording.finish(running, replace(OUTCOME, stopped=True))
    assert store.runs.get(running).status is Status.STOPPED
    before = store.runs.get(running)
    store.queue.stop(running)
    assert store.runs.get(running) == before


def test_a_run_that_kills_its_workers_is_given_up_and_can_be_resumed(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    for _ in range(queue.MAX_CRASHES - 1):
        store.queue.claim("engine")
        store.queue.crashed(run_id)
    store.queue.claim("engine")
    store.recording.record(run_id, epoch(1))  # it kept something: the count begins anew
    for _ in range(queue.MAX_CRASHES - 1):
        store.queue.crashed(run_id)
        store.queue.claim("engine")
    store.queue.crashed(run_id)
    run = store.runs.get(run_id)
    assert (run.status, run.error) == (Status.INTERRUPTED, queue.CRASH_SENTENCE)
    assert [run.id for run in store.queue.resumable()] == [run_id]
    store.queue.resume(run_id)
    run = store.queue.claim("engine")
    assert (run.id, run.error, run.crashes, run.ended) == (run_id, None, 0, None)


def test_what_was_paused_or_stopped_when_its_worker_died_is(store: Store) -> None:
    paused, stopped = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    for run_id, ask in ((paused, store.queue.pause), (stopped, store.queue.stop)):
        store.queue.claim("engine", only=[run_id])
        store.recording.record(run_id, epoch(1))
        ask(run_id)
        store.queue.crashed(run_id)
    assert store.runs.get(paused).status is Status.PAUSED
    assert (store.runs.get(stopped).status, store.runs.get(stopped).command) == (Status.QUEUED, Command.STOP)
    store.queue.stop(paused)
    assert [(run.id, run.command) for run in store.queue.active()] == [(paused, Command.STOP), (stopped, Command.STOP)]


def test_who_stops_a_run_that_is_just_being_paused_does_stop_it(store: Store) -> None:
    """The fault: its worker had seen that it was to pause, and it stayed paused for good."""
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    store.recording.record(run_id, epoch(1))
    store.queue.pause(run_id)
    store.queue.stop(run_id)
    store.recording.pause(run_id)
    assert [(run.id, run.command) for run in store.queue.active()] == [(run_id, Command.STOP)]


def test_a_run_that_continues_another_has_its_log_so_far_and_leaves_it_alone(store: Store) -> None:
    parent = trained(store)
    before = store.runs.get(parent)
    recipe = PRESETS["3x3"].recipe.model_dump() | {"epochs": 20}
    longer = PRESETS["3x3"].with_changes(recipe=recipe)
    child = store.queue.continue_run(before, 2, longer, "bob", (1.0, 2.0))
    run = store.runs.get(child)
    assert (run.parent_id, run.parent_epoch, run.epochs_done, run.owner) == (parent, 2, 2, "bob")
    assert run.design_key not in (before.design_key, longer.design_key)
    assert store.runs.epochs([child])["epoch"].tolist() == [1, 2]
    assert store.checkpoints.pictured(child) == [1, 2]
    assert store.runs.children(parent) == [child]
    assert store.runs.get(parent) == before
    store.queue.claim("engine")
    found = store.recording.begin(child, {})
    assert (found.epoch, found.step) == (2, 2 * longer.steps_per_epoch)
    store.checkpoints.make_room(0)
    with pytest.raises(InputError, match="the checkpoint of epoch 2 is not kept"):
        store.queue.continue_run(before, 2, longer, "bob", (None, None))


def test_runs_that_an_engine_left_together_are_moved_as_any(store: Store) -> None:
    first, second = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    store.queue.claim("engine")
    store.queue.claim("engine")
    store.lease.requeue_orphans()
    store.queue.move(second, -1)
    assert [run.id for run in store.queue.active()] == [second, first]


def test_many_are_paused_resumed_and_stopped_at_once(store: Store) -> None:
    training, learnt, *waiting = store.queue.add([PRESETS["3x3"]] * 6, "ada")
    for run_id in (learnt, training):
        store.queue.claim("engine", only=[run_id])
    store.recording.record(learnt, epoch(1))
    store.queue.pause(learnt)
    store.recording.pause(learnt)
    store.queue.pause(training, *waiting)
    assert store.runs.get(training).command is Command.PAUSE
    assert {store.runs.get(i).status for i in (learnt, *waiting)} == {Status.PAUSED}
    store.queue.resume(training, *waiting[1:], learnt)
    assert [run.id for run in store.queue.active()] == [training, *waiting[1:], learnt]
    store.queue.stop(training, learnt, *waiting)
    assert [store.runs.get(i).status for i in waiting] == [Status.CANCELLED] * 4
    assert [run.id for run in store.queue.active()] == [training, learnt], "what has learnt something is tested"
    assert {store.runs.get(i).command for i in (training, learnt)} == {Command.STOP}
