"""Engines and workers that crash, grow or lose their database: what they train stays the same to the bit."""

import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.engine.pool import SETTLED_RUNS
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders import processes as started
from tests.builders.engines import assert_same_result, ended, gets_on, longer, training, undisturbed, workers
from tests.builders.processes import all_gone, family, wait_until


def worker_process(store: Store) -> psutil.Process:
    """The process that does the work: the engine's biggest descendant."""
    return max(family(store.lease.current().pid)[1:], key=lambda process: process.memory_info().rss)


def test_a_worker_that_has_grown_is_renewed_between_runs_which_stay_the_same_to_the_bit(
    store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_GROWTH_MB", "1")  # a few questions are more
    short = small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 1}, train_images=200)
    with started.engine(store.url):
        first = undisturbed(store, small)
        (old,) = workers(store)[:1]
        for _ in range(SETTLED_RUNS - 1):
            undisturbed(store, short)
        for kind in ("hidden", "export", "tested"):
            question = store.questions.submit(kind, {"run_id": first.id})
            answered = wait_until(
                lambda question=question: (q := store.questions.get(question)) and q.is_done and q,
                "the question is answered",
            )
            assert answered.error is None
        while old.is_running():
            undisturbed(store, short)
        assert_same_result(store, first, undisturbed(store, small))


def finished_or_resumed(store: Store, run_id: int) -> bool:
    """Whether it has ended; killed three times before it could keep anything, it is resumed, as a person would."""
    run = store.runs.get(run_id)
    if run.status is Status.INTERRUPTED:
        store.queue.resume(run_id)
    return run.status.is_ended and run.status is not Status.INTERRUPTED


def killed_again_and_again(store: Store, run_id: int, victims: list[str], generator: np.random.Generator) -> None:
    """Kill the run's worker, or the engine with all that it started, at random moments, until no victim is left."""
    while victims and not finished_or_resumed(store, run_id):
        before = store.runs.get(run_id).steps_done
        wait_until(lambda steps=before: gets_on(store.runs.get(run_id), steps), "it gets somewhere")
        time.sleep(generator.uniform(0, 1.5))  # anywhere within an epoch, a report, a checkpoint
        lease = store.lease.current()
        if store.runs.get(run_id).status is not Status.RUNNING or lease is None or not lease.is_live:
            continue
        if victims.pop(0) == "worker":
            worker_process(store).kill()
            continue
        members = family(lease.pid)
        members[0].kill()
        wait_until(lambda pid=lease.pid: (new := store.lease.current()) and new.pid != pid, "another engine serves")
        wait_until(lambda gone=members: all_gone(gone), "nothing of the killed one is left")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kills", "at_once"), [(2, 1), pytest.param(40, 2, marks=pytest.mark.slow)])
def test_a_run_whose_worker_or_engine_is_killed_ends_as_an_undisturbed_one_to_the_bit(
    store: Store, small: Experiment, kills: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does the one that waits behind or trains beside it; of every engine nothing is left when it has gone."""
    monkeypatch.setenv("MNIST_LAB_WORKERS", str(at_once))
    generator = np.random.default_rng(kills)
    victims = ["engine", "worker", *generator.choice(["engine", "worker"], kills - 2)]
    with started.engine(store.url):
        expected = undisturbed(store, longer(small))
        while victims:
            run_id, after = store.queue.add([longer(small), small], "ada")
            killed_again_and_again(store, run_id, victims, generator)
            for one in (run_id, after):
                wait_until(lambda one=one: finished_or_resumed(store, one), "it ends")
            assert_same_result(store, expected, store.runs.get(run_id))
            assert store.runs.get(run_id).caveat is None
            assert store.runs.get(after).status is Status.FINISHED
        last = family(store.lease.current().pid)
    wait_until(lambda: all_gone(last), "nothing of that one is left either")
    assert store.lease.current() is None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_trains_on_while_its_database_is_away_for_a_minute(tmp_path: Path, small: Experiment) -> None:
    place, elsewhere = tmp_path / "stick", tmp_path / "drawer"
    store = Store(f"sqlite:///{place / 'lab.db'}")
    with started.engine(store.url):
        expected = undisturbed(store, longer(small))
        (run_id,) = store.queue.add([longer(small)], "ada")
        training(store, run_id)
        store.close()
        place.rename(elsewhere)
        time.sleep(60)
        elsewhere.rename(place)
        assert_same_result(store, expected, ended(store, run_id))
        assert store.runs.get(run_id).crashes == 0
    store.close()
