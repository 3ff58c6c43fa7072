"""The engine with real worker processes: queue, stop, crash."""

import itertools
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.engine import log_file, supervisor
from mnist_lab.lab import Lab
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from tests.builders import processes as started
from tests.builders.engines import assert_same_result, ended, gets_on, longer, undisturbed, workers
from tests.builders.processes import ROOT, WAIT, all_gone, family, wait_until


@pytest.fixture
def engine(store: Store) -> Iterator[None]:
    """An engine with one worker, so that what comes next waits."""
    with started.engine(store.url):
        yield


def training(store: Store, run_id: int) -> Run:
    return wait_until(lambda: (run := store.runs.get(run_id)).steps_done > 10 and run, "the run trains")


def worker_process(store: Store) -> psutil.Process:
    """The process that does the work: the engine's biggest descendant."""
    return max(family(store.lease.current().pid)[1:], key=lambda process: process.memory_info().rss)


@pytest.mark.usefixtures("engine")
def test_queue_stop_and_continue(store: Store, small: Experiment) -> None:
    long, waiting, cancelled = store.queue.add([PRESETS["3x3"], small, PRESETS["7x7"]], "ada")
    training(store, long)
    assert store.runs.get(waiting).status is Status.QUEUED
    store.queue.stop(cancelled)
    store.queue.stop(long)
    stopped = ended(store, long)
    assert stopped.status is Status.STOPPED
    assert stopped.test_accuracy is not None
    # Two seconds is the promise; the bound here only tells a stop from the end of the run, which is minutes away.
    assert stopped.ended - stopped.stop_requested < 15
    assert ended(store, waiting).status is Status.FINISHED
    assert store.runs.get(cancelled).status is Status.CANCELLED


def intruder(ports: list[int]) -> list[str]:
    """What answers another user of this machine (`tests/intruder.py`)."""
    command = [sys.executable, "-m", "tests.builders.intruder", *map(str, ports)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=WAIT * 2)
    *found, last = done.stdout.splitlines()
    assert last == f"tried {len(ports)}"
    return found


def test_no_other_user_of_the_machine_reaches_an_engine_which_begins_without_noise(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    written = tmp_path / "engine.log"
    monkeypatch.setattr(log_file, "path", lambda: written)
    with started.engine(store.url):
        said = written.read_text().splitlines()
        assert said
        assert [line for line in said if "mnist_lab.engine." not in line] == []
        processes = family(store.lease.current().pid)
        listening = [c.laddr for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert (
            len(listening) >= 5
        )  # scheduler, nanny, worker, and the pages that dask's scheduler and worker would have
        assert intruder([address.port for address in listening]) == []
        # Dask puts its scratch folders first where Python looks for modules.
        scratch = {parent for p in processes for file in p.open_files() for parent in Path(file.path).parents
                   if "mnist-lab-" in str(parent)}  # fmt: skip
        assert scratch
        assert {stat.S_IMODE(folder.stat().st_mode) & 0o77 for folder in scratch if folder.parent == Path(tempfile.gettempdir())} == {0}  # fmt: skip
    assert not any(folder.exists() for folder in scratch)


def test_the_intruder_finds_a_cluster_that_is_open() -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    with LocalCluster(n_workers=0, protocol="tcp://", dashboard_address="127.0.0.1:0") as cluster:
        scheduler = cluster.scheduler
        ports = [scheduler.port, scheduler.http_server.port]
        found = intruder(ports)
    assert f"{ports[0]} no encryption" in found
    assert f"{ports[1]} /info/main/workers.html" in found


@pytest.mark.usefixtures("engine")
def test_a_failing_run_says_why_and_the_next_one_trains(store: Store, small: Experiment) -> None:
    recipe = small.recipe.model_dump() | {"optimizer": {"name": "sgd", "learning_rate": 1000.0}, "epochs": 50}
    wild = small.architecture.model_dump() | {"head": [{"units": 512}, {"units": 512}, {"units": 512}]}
    diverging, after = store.queue.add([small.with_changes(recipe=recipe, architecture=wild), small], "ada")
    failed = ended(store, diverging)
    assert failed.status is Status.FAILED
    assert "diverged" in failed.error
    assert ended(store, after).status is Status.FINISHED


@pytest.mark.usefixtures("engine")
def test_a_paused_run_leaves_its_place_and_continues_where_it_was(store: Store, small: Experiment) -> None:
    run_id, after = store.queue.add([longer(small), small], "ada")
    training(store, run_id)
    store.queue.pause(run_id)
    paused = wait_until(lambda: (run := store.runs.get(run_id)).status is Status.PAUSED and run, "it is paused")
    assert ended(store, after).status is Status.FINISHED
    store.queue.resume(run_id)
    wait_until(lambda: store.runs.get(run_id).steps_done > paused.steps_done, "it continues")
    store.queue.stop(run_id)
    assert ended(store, run_id).status is Status.STOPPED


def test_a_worker_that_has_grown_is_renewed_between_runs_which_stay_the_same_to_the_bit(
    store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_GROWTH_MB", "1")  # a few other networks are more
    others = itertools.cycle(
        small.with_changes(
            architecture={"blocks": [{"filters": 8, "kernel_size": kernel, "batch_normalization": True}]},
            recipe=small.recipe.model_dump() | {"epochs": 1},
        )
        for kernel in (2, 3, 4, 6, 7)
    )
    with started.engine(store.url):
        first = undisturbed(store, small)
        (old,) = workers(store)[:1]
        question = store.questions.submit("tested", {"run_id": first.id})
        while old.is_running():
            undisturbed(store, next(others))
        answered = wait_until(
            lambda: (q := store.questions.get(question)) and q.is_done and q, "the question is answered"
        )
        assert answered.error is None
        assert_same_result(store, first, undisturbed(store, small))


def finished_or_resumed(store: Store, run_id: int) -> bool:
    """Whether it has ended; killed three times before it could keep anything, it is resumed, as a person would."""
    run = store.runs.get(run_id)
    if run.status is Status.INTERRUPTED:
        store.queue.resume(run_id)
    return run.status.is_ended and run.status is not Status.INTERRUPTED


def killed_again_and_again(store: Store, run_id: int, kills: int, generator: np.random.Generator) -> int:
    """Kill the run's worker, or the engine with all that it started, at random moments; how often it was done."""
    done = 0
    while done < kills and not finished_or_resumed(store, run_id):
        before = store.runs.get(run_id).steps_done
        wait_until(lambda steps=before: gets_on(store.runs.get(run_id), steps), "it gets somewhere")
        time.sleep(generator.uniform(0, 1.5))  # anywhere within an epoch, a report, a checkpoint
        lease = store.lease.current()
        if store.runs.get(run_id).status is not Status.RUNNING or lease is None or not lease.is_live:
            continue
        victim = worker_process(store) if generator.random() < 0.5 else psutil.Process(lease.pid)
        victim.kill()
        done += 1
        if victim.pid == lease.pid:
            wait_until(lambda pid=lease.pid: (new := store.lease.current()) and new.pid != pid, "another engine serves")
    return done


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_run_whose_worker_or_engine_is_killed_ends_as_an_undisturbed_one_to_the_bit(
    store: Store, small: Experiment, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_WORKERS", "2")
    generator = np.random.default_rng(kills)
    with started.engine(store.url):
        expected = undisturbed(store, longer(small))
        done = 0
        while done < kills:
            (run_id,) = store.queue.add([longer(small)], "ada")
            done += killed_again_and_again(store, run_id, kills - done, generator)
            wait_until(lambda one=run_id: finished_or_resumed(store, one), "it ends")
            assert_same_result(store, expected, store.runs.get(run_id))
            assert store.runs.get(run_id).caveat is None


def test_a_killed_engine_leaves_nothing_and_another_takes_its_place(store: Store, small: Experiment) -> None:
    with started.engine(store.url):
        lost, after = store.queue.add([longer(small), small], "ada")
        training(store, lost)
        members = family(store.lease.current().pid)
        members[0].kill()
        assert ended(store, lost).status is ended(store, after).status is Status.FINISHED
        wait_until(lambda: all_gone(members), "nothing of it is left")
        second = family(store.lease.current().pid)
    wait_until(lambda: all_gone(second), "nothing of that one is left either")
    assert store.lease.current() is None


@pytest.mark.usefixtures("engine")
def test_more_epochs_of_a_finished_run_are_a_new_run_that_continues(store: Store, small: Experiment) -> None:
    parent = undisturbed(store, small)
    more = small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 4})
    child = ended(store, store.queue.continue_run(parent, 2, more, "ada", (None, None)))
    straight = undisturbed(store, more)
    assert store.runs.epochs([child.id])["epoch"].tolist() == [1, 2, 3, 4]
    assert child.test_loss == straight.test_loss
    assert store.runs.get(parent.id) == parent


def test_two_supervisors_share_one_engine_and_the_second_takes_over(store: Store, small: Experiment) -> None:
    with supervisor.engine(store.url):
        with supervisor.engine(store.url):
            wait_until(lambda: store.lease.current() and store.lease.current().state == "ready", "the worker is warm")
            first = store.lease.current()
            ratios = wait_until(store.calibrations.get, "an idle engine measures how fast the machine is")
            assert len(ratios) == 3
            assert all(0.01 < ratio < 100 for ratio in ratios)
        wait_until(lambda: store.lease.current() and store.lease.current().is_live, "an engine serves")
        (run_id,) = store.queue.add([small], "ada")
        assert ended(store, run_id).status is Status.FINISHED
    assert first


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


def test_an_engine_that_cannot_begin_says_why_on_the_page_and_begins_when_it_can(
    store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD", "carrier pigeon")
    (run_id,) = store.queue.add([small], "ada")
    with supervisor.engine(store.url) as engine:
        words = (
            "not working: The engine failed (ValueError: cannot find context for 'carrier pigeon'); the engine's log is"
        )
        wait_until(lambda: (Lab(store.url).engine_state() or "").startswith(words), "the page says it")
        assert store.runs.get(run_id).status is Status.QUEUED
        monkeypatch.delenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD")
        assert ended(store, run_id).status is Status.FINISHED
        assert engine.failure is None


@pytest.mark.usefixtures("engine")
def test_questions_are_answered_while_a_run_trains_and_leave_it_as_it_was(store: Store, small: Experiment) -> None:
    recipe = small.recipe.model_dump() | {"epochs": 30}
    longer = small.with_changes(recipe=recipe)
    (alone,) = store.queue.add([longer], "ada")
    assert ended(store, alone).status is Status.FINISHED
    (beside,) = store.queue.add([longer], "ada")
    training(store, beside)
    answered = 0
    while not store.runs.get(beside).status.is_ended:
        question = store.questions.submit("export", {"run_id": alone})
        done = wait_until(
            lambda id_=question: (q := store.questions.get(id_)) and q.is_done and q, "the question is answered"
        )
        assert done.error is None
        with store.database.write() as connection:  # or the next one would be given this one's answer
            connection.exec_driver_sql("DELETE FROM errands")
        answered += not store.runs.get(beside).status.is_ended
    assert answered > 0
    assert np.array_equal(store.runs.probabilities(alone), store.runs.probabilities(beside))
    for name, kept in store.checkpoints.weights(alone).items():
        assert np.array_equal(kept, store.checkpoints.weights(beside)[name]), name
    unknown = store.questions.submit("export", {"run_id": 999})
    refused = wait_until(lambda: (q := store.questions.get(unknown)) and q.is_done and q, "the question is refused")
    assert refused.error.startswith("Run: there is none with the number 999")
