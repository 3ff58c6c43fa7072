"""The engine with real worker processes: queue, stop, death."""

from collections.abc import Iterator

import psutil
import pytest

from mnist_lab import supervisor
from mnist_lab.experiment import Experiment, Status
from mnist_lab.presets import PRESETS
from mnist_lab.store import Run, Store
from tests.processes import all_gone, family, wait_until


@pytest.fixture
def engine(store: Store) -> Iterator[None]:
    with supervisor.engine(store.url):
        wait_until(lambda: store.lease() and store.lease().state == "ready", "the worker is warm")
        yield


def training(store: Store, run_id: int) -> Run:
    return wait_until(lambda: (run := store.run(run_id)).steps_done > 10 and run, "the run trains")


def worker_process(store: Store) -> psutil.Process:
    """The process that does the work: the engine's biggest descendant."""
    return max(family(store.lease().pid)[1:], key=lambda process: process.memory_info().rss)


def ended(store: Store, run_id: int) -> Run:
    return wait_until(lambda: (run := store.run(run_id)).status.is_ended and run, "the run ends")


@pytest.mark.usefixtures("engine")
def test_queue_stop_kill_and_go_on(store: Store, small: Experiment) -> None:
    long, waiting, cancelled = store.add_runs([PRESETS["3x3"], small, PRESETS["7x7"]], "ada")
    training(store, long)
    assert store.run(waiting).status is Status.QUEUED
    store.request_stop(cancelled)
    store.request_stop(long)
    stopped = ended(store, long)
    assert stopped.status is Status.STOPPED
    assert stopped.test_accuracy is not None
    # Two seconds is the promise; the bound here only tells a stop from the end of the run, which is minutes away.
    assert stopped.ended - stopped.stop_requested < 15
    assert ended(store, waiting).status is Status.FINISHED
    assert store.run(cancelled).status is Status.CANCELLED

    killed, after = store.add_runs([PRESETS["3x3"], small], "ada")
    training(store, killed)
    worker_process(store).kill()
    dead = ended(store, killed)
    assert (dead.status, dead.test_accuracy) == (Status.INTERRUPTED, None)
    assert "worker process" in dead.error
    assert ended(store, after).status is Status.FINISHED


@pytest.mark.usefixtures("engine")
def test_a_failing_run_says_why_and_the_next_one_trains(store: Store, small: Experiment) -> None:
    recipe = small.recipe.model_dump() | {"optimizer": {"name": "sgd", "learning_rate": 1000.0}, "epochs": 50}
    wild = small.architecture.model_dump() | {"head": [{"units": 512}, {"units": 512}, {"units": 512}]}
    diverging, after = store.add_runs([small.with_changes(recipe=recipe, architecture=wild), small], "ada")
    failed = ended(store, diverging)
    assert failed.status is Status.FAILED
    assert "diverged" in failed.error
    assert ended(store, after).status is Status.FINISHED


def test_a_killed_engine_is_replaced_its_run_interrupted_and_the_queue_goes_on(store: Store, small: Experiment) -> None:
    with supervisor.engine(store.url):
        lost, after = store.add_runs([PRESETS["3x3"], small], "ada")
        training(store, lost)
        members = family(store.lease().pid)
        members[0].kill()
        assert ended(store, after).status is Status.FINISHED
        assert store.run(lost).status is Status.INTERRUPTED
        wait_until(lambda: all_gone(members), "nothing of it is left")
        second = family(store.lease().pid)
    wait_until(lambda: all_gone(second), "nothing of that one is left either")
    assert store.lease() is None


def test_two_supervisors_share_one_engine_and_the_second_takes_over(store: Store, small: Experiment) -> None:
    with supervisor.engine(store.url):
        with supervisor.engine(store.url):
            wait_until(lambda: store.lease() and store.lease().state == "ready", "the worker is warm")
            first = store.lease()
            ratios = wait_until(store.calibration, "an idle engine measures how fast the machine is")
            assert len(ratios) == 3
            assert all(0.01 < ratio < 100 for ratio in ratios)
        wait_until(lambda: store.lease() and store.lease().is_live, "an engine serves")
        (run_id,) = store.add_runs([small], "ada")
        assert ended(store, run_id).status is Status.FINISHED
    assert first
