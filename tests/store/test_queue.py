"""The queue as a state machine: whatever is pressed in whatever order, the store and a plain model agree."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from mnist_lab.design.experiment import Status, Wish
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.queue import MOST_DEATHS
from mnist_lab.store.store import Store
from tests.builders.runs import OUTCOME, epoch

ENDED = {Status.FINISHED, Status.CANCELLED, Status.FAILED, Status.STOPPED}


class Queue(RuleBasedStateMachine):
    """A model of few words: what waits in order, deleted or not; for each run its status, wish, epochs kept, deaths in a row."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Store(f"sqlite:///{Path(self.folder.name) / 'lab.db'}")
        self.waiting: list[int] = []
        self.status: dict[int, Status] = {}
        self.wish: dict[int, Wish] = {}
        self.epochs: dict[int, int] = {}
        self.deaths: dict[int, int] = {}
        self.deleted: set[int] = set()
        self.ended: dict[int, object] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=runs)
    def add(self) -> int:
        (run_id,) = self.store.add_runs([PRESETS["3x3"]], "ada")
        self.waiting.append(run_id)
        self.status[run_id] = Status.QUEUED
        self.wish[run_id] = Wish.GO_ON
        self.epochs[run_id] = self.deaths[run_id] = 0
        return run_id

    @rule()
    def claim(self) -> None:
        run = self.store.claim("engine")
        assert (run.id if run else None) == next(iter(self.in_turn()), None)
        if run:
            self.waiting.remove(run.id)
            self.status[run.id] = Status.RUNNING
            found = self.store.begin(run.id, {})
            assert (found.epoch if found else 0) == self.epochs[run.id]

    @rule(run=runs)
    def train_an_epoch(self, run: int) -> None:
        wish = self.store.record(run, epoch(self.epochs[run] + 1))
        if self.status[run] is Status.RUNNING:
            self.epochs[run] += 1
            self.deaths[run] = 0
            assert wish is self.wish[run]
            if wish is Wish.PAUSE:
                self.store.pause(run)
                self.status[run] = Status.PAUSED
            elif wish is Wish.STOP:
                self.store.finish(run, OUTCOME)
                self.status[run] = Status.FINISHED
        else:
            assert wish is Wish.STOP

    @rule(run=runs)
    def finish(self, run: int) -> None:
        self.store.finish(run, OUTCOME)
        if self.status[run] is Status.RUNNING:
            self.status[run] = Status.FINISHED

    @rule(run=runs)
    def fail(self, run: int) -> None:
        self.store.end(run, Status.FAILED, "It diverged.")
        if self.status[run] is Status.RUNNING:
            self.status[run] = Status.FAILED

    @rule(run=runs)
    def worker_dies(self, run: int) -> None:
        self.store.lost(run)
        if self.status[run] is not Status.RUNNING:
            return
        self.deaths[run] += 1
        if self.deaths[run] >= MOST_DEATHS:
            self.status[run] = Status.INTERRUPTED
        elif self.wish[run] is Wish.PAUSE:
            self.status[run] = Status.PAUSED
        else:
            self._to_front(run)

    @rule(run=runs)
    def pause(self, run: int) -> None:
        self.store.request_pause(run)
        if run in self.deleted:
            return
        if self.status[run] is Status.QUEUED:
            self.waiting.remove(run)
            self.status[run] = Status.PAUSED
        elif self.status[run] is Status.RUNNING and self.wish[run] is Wish.GO_ON:
            self.wish[run] = Wish.PAUSE

    @rule(run=runs)
    def resume(self, run: int) -> None:
        self.store.resume([run])
        if run in self.deleted:
            return
        if self.status[run] in (Status.PAUSED, Status.INTERRUPTED):
            self.deaths[run] = 0
            self._to_front(run)
        if self.wish[run] is Wish.PAUSE:
            self.wish[run] = Wish.GO_ON

    @rule(run=runs)
    def stop(self, run: int) -> None:
        self.store.request_stop(run)
        if self.status[run] in ENDED or run in self.deleted:
            return
        if self.status[run] is not Status.RUNNING and not self.epochs[run]:
            if run in self.waiting:
                self.waiting.remove(run)
            self.status[run] = Status.CANCELLED
            return
        self.wish[run] = Wish.STOP
        if self.status[run] is not Status.RUNNING:
            self.deaths[run] = 0
            self._to_front(run)

    @rule(run=runs, places=st.integers(-3, 3))
    def move(self, run: int, places: int) -> None:
        self.store.move(run, places)
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
            self.store.label([run], deleted=True)
            self.deleted.add(run)

    @rule(run=runs)
    def restore(self, run: int) -> None:
        self.store.label([run], deleted=False)
        self.deleted.discard(run)

    @rule(run=consumes(runs))
    def the_engine_dies(self, run: int) -> None:
        """All that trains at once; `run` is only left alone from here on."""
        running = [i for i, status in self.status.items() if status is Status.RUNNING]
        self.store.requeue_orphans()
        for i in running:
            self.deaths[i] += 1
            if self.deaths[i] >= MOST_DEATHS:
                self.status[i] = Status.INTERRUPTED
            elif self.wish[i] is Wish.PAUSE:
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
        found = {run.id: run for run in self.store.runs()}
        assert {i: run.status for i, run in found.items()} == {
            i: status for i, status in self.status.items() if i not in self.deleted
        }
        assert [run.id for run in self.store.active() if run.status is Status.QUEUED] == self.in_turn()
        for i, run in found.items():
            if run.status in ENDED:
                self.ended.setdefault(i, run)
                assert replace(run, deleted=None) == self.ended[i], "a run that has ended never changes"


Queue.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
TestQueue = Queue.TestCase


def test_runs_that_an_engine_left_together_are_moved_as_any(store: Store) -> None:
    first, second = store.add_runs([PRESETS["3x3"]] * 2, "ada")
    store.claim("engine")
    store.claim("engine")
    store.requeue_orphans()
    store.move(second, -1)
    assert [run.id for run in store.active()] == [second, first]


def test_many_are_paused_resumed_and_stopped_at_once(store: Store) -> None:
    training, learnt, *waiting = store.add_runs([PRESETS["3x3"]] * 6, "ada")
    for run_id in (learnt, training):
        store.claim("engine", only=[run_id])
    store.record(learnt, epoch(1))
    store.request_pause(learnt)
    store.pause(learnt)
    store.request_pause(training, *waiting)
    assert store.run(training).wish is Wish.PAUSE
    assert {store.run(i).status for i in (learnt, *waiting)} == {Status.PAUSED}
    store.resume([training, *waiting[1:], learnt])
    assert [run.id for run in store.active()] == [training, *waiting[1:], learnt]
    store.request_stop(training, learnt, *waiting)
    assert [store.run(i).status for i in waiting] == [Status.CANCELLED] * 4
    assert [run.id for run in store.active()] == [training, learnt], "what has learnt something is tested"
    assert {store.run(i).wish for i in (training, learnt)} == {Wish.STOP}
