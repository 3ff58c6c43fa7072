"""From the queue to a worker and back, on a cluster that the test plays."""

import time

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.engine.calibration import Calibration
from mnist_lab.engine.runs import OBEY_SECONDS, RECENT_SECONDS, Runs
from mnist_lab.engine.worker.run import train_run
from mnist_lab.errors import InputError, StoreError
from mnist_lab.store.recording import Recording
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders.pools import MB, Job, pool
from tests.builders.runs import OUTCOME, point


class Compared(Calibration):
    """Notes which runs it is compared with."""

    def compare(self, run: Run) -> None:
        self.seen = [*getattr(self, "seen", []), run.id]


class Served:
    """An engine's runs."""

    def __init__(self, store: Store, size: int = 1, only: list[int] | None = None) -> None:
        self.store = store
        self.pool, self.cluster = pool(size)
        self.calibration = Compared(store, self.pool)
        self.runs = Runs(store, self.pool, "engine", only, self.calibration)

    def begin(self) -> bool:
        return self.runs.start_next(self.pool.idle())

    def job(self, run_id: int) -> Job:
        (found,) = (
            j for j in self.cluster.jobs if j.function is train_run and j.arguments[1] == run_id and not j.is_done
        )
        return found

    def finish(self, run_id: int) -> None:
        """As a worker does, which writes everything itself."""
        self.store.recording.finish(run_id, OUTCOME)
        self.job(run_id).end(510 * MB)
        self.runs.collect()
        self.runs.follow_up()


def test_the_next_run_goes_to_a_worker_and_ends_there(store: Store, small: Experiment) -> None:
    served = Served(store)
    assert not served.begin()
    first, second = store.queue.add([small, small], "ada")
    assert served.begin()
    assert served.job(first).arguments == (store.url, first, 1, 2)
    assert (len(served.runs), store.runs.get(first).status) == (1, Status.RUNNING)
    served.runs.collect()
    assert len(served.runs) == 1
    served.finish(first)
    assert len(served.runs) == 0
    assert served.pool.idle().memory == 510 * MB
    assert served.begin()
    assert store.runs.get(second).status is Status.RUNNING


def test_an_engine_of_some_runs_leaves_the_others(store: Store, small: Experiment) -> None:
    first, second = store.queue.add([small, small], "ada")
    served = Served(store, only=[second])
    assert served.begin()
    served.finish(second)
    assert not served.begin()
    assert store.runs.get(first).status is Status.QUEUED


def test_a_run_whose_worker_crashed_waits_again(store: Store, small: Experiment) -> None:
    (run_id,) = store.queue.add([small], "ada")
    served = Served(store)
    served.begin()
    (address,) = served.cluster.found
    served.cluster.crash(address)
    served.runs.collect()
    assert store.runs.get(run_id).status is Status.QUEUED
    assert len(served.runs) == 0
    assert served.pool.idle() is None


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (StoreError("The disk is full."), Status.INTERRUPTED, "The disk is full."),
        (InputError("Network: no."), Status.FAILED, "Network: no."),
        (
            ValueError("too\nlong"),
            Status.FAILED,
            "Training failed unexpectedly (ValueError: too); the engine's log has the details.",
        ),
    ],
)
def test_a_run_that_could_not_be_trained_says_why(
    store: Store, small: Experiment, error: Exception, status: Status, words: str
) -> None:
    (run_id,) = store.queue.add([small], "ada")
    served = Served(store)
    served.begin()
    served.job(run_id).fail(error)
    served.runs.collect()
    assert (store.runs.get(run_id).status, store.runs.get(run_id).error) == (status, words)
    assert served.pool.idle() is not None


def test_what_could_not_be_written_is_written_at_the_next_look(
    store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = store.queue.add([small], "ada")
    served = Served(store)
    served.begin()
    served.job(run_id).fail(ValueError("no"))
    with monkeypatch.context() as patch:

        def away(*_arguments: object) -> None:
            raise StoreError("The database is away.")

        patch.setattr(Recording, "end", away)
        with pytest.raises(StoreError):
            served.runs.collect()
        assert len(served.runs) == 1, "no other run is begun beside it"
    served.runs.collect()
    assert store.runs.get(run_id).status is Status.FAILED
    assert len(served.runs) == 0


def test_only_what_had_the_machine_to_itself_from_the_beginning_is_compared_with_its_calibration(
    store: Store, small: Experiment
) -> None:
    alone, one, other, resumed = store.queue.add([small] * 4, "ada")
    served = Served(store, size=2)
    served.begin()
    served.finish(alone)
    served.begin()
    served.begin()
    served.finish(one)
    served.finish(other)
    served.begin()
    store.recording.record(resumed, Report([point(0)]))
    (address,) = {served.job(resumed).address}
    served.cluster.crash(address)
    served.runs.collect()
    served.begin()
    served.finish(resumed)
    assert served.calibration.seen == [alone]


def test_the_next_run_need_not_wait_until_the_last_one_is_followed_up(store: Store, small: Experiment) -> None:
    first, second, third = store.queue.add([small] * 3, "ada")
    served = Served(store, size=2)
    served.begin()
    store.recording.finish(first, OUTCOME)
    served.job(first).end(510 * MB)
    served.runs.collect()
    served.begin()
    served.begin()
    assert [store.runs.get(run_id).status for run_id in (second, third)] == [Status.RUNNING] * 2
    served.runs.follow_up()
    assert served.calibration.seen == [first], "it was alone, whatever came after it"


def test_of_what_could_not_be_followed_up_nothing_is_forgotten(
    store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = store.queue.add([small], "ada")
    served = Served(store)
    served.begin()
    store.recording.finish(run_id, OUTCOME)
    served.job(run_id).end(510 * MB)
    served.runs.collect()
    with monkeypatch.context() as patch:

        def away(*_arguments: object) -> None:
            raise StoreError("The database is away.")

        patch.setattr(type(store.runs), "get", away)
        with pytest.raises(StoreError):
            served.runs.follow_up()
    served.runs.follow_up()
    served.runs.follow_up()
    assert served.calibration.seen == [run_id]


def test_runs_are_recent_for_a_minute(store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    served = Served(store)
    assert not served.runs.are_recent
    (run_id,) = store.queue.add([small], "ada")
    served.begin()
    assert served.runs.are_recent
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000)
    served.finish(run_id)
    assert served.runs.are_recent
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000 + RECENT_SECONDS)
    assert not served.runs.are_recent


@pytest.mark.parametrize("ask", ["stop", "pause"])
def test_the_worker_of_a_run_that_does_not_obey_is_restarted(
    store: Store, small: Experiment, ask: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (run_id,) = store.queue.add([small], "ada")
    served = Served(store)
    served.begin()
    (address,) = served.cluster.found
    began = time.time()

    def looks(seconds: float) -> list[str]:
        monkeypatch.setattr(time, "time", lambda: began + seconds)
        served.runs.enforce_commands()
        return served.cluster.restarted

    assert looks(1000) == []
    getattr(store.queue, ask)(run_id)
    assert looks(1000 + OBEY_SECONDS - 1) == []
    assert looks(1000 + OBEY_SECONDS + 1) == [address]
    assert f"run {run_id} did not {ask} within 20 s; its worker is restarted" in caplog.text
