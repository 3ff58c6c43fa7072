"""The engine with real worker processes: queue, stop, crash."""

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
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
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders import processes as started
from tests.builders.engines import ended, longer, training, undisturbed
from tests.builders.processes import ROOT, WAIT, all_gone, family, wait_until


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('engine') / 'lab.db'}")
    with started.engine(store.url):
        yield store
    store.close()


@pytest.fixture
def served(engine: Store) -> Iterator[Store]:
    """A store whose engine has one worker, so that what comes next waits, and nothing else to do."""
    yield engine
    engine.queue.stop(*(run.id for run in engine.queue.active()))
    wait_until(lambda: not engine.queue.active(), "nothing trains")


def test_queue_stop_and_continue(served: Store, small: Experiment) -> None:
    long, waiting, cancelled = served.queue.add([PRESETS["3x3"], small, PRESETS["7x7"]], "ada")
    training(served, long)
    assert served.runs.get(waiting).status is Status.QUEUED
    served.queue.stop(cancelled)
    served.queue.stop(long)
    stopped = ended(served, long)
    assert stopped.status is Status.STOPPED
    assert stopped.test_accuracy is not None
    # Two seconds is the promise; the bound here only tells a stop from the end of the run, which is minutes away.
    assert stopped.ended - stopped.stop_requested < 15
    assert ended(served, waiting).status is Status.FINISHED
    assert served.runs.get(cancelled).status is Status.CANCELLED


def intruder(ports: list[int]) -> list[str]:
    """What answers another user of this machine (`tests/builders/intruder.py`)."""
    command = [sys.executable, "-m", "tests.builders.intruder", *map(str, ports)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=WAIT * 2)
    *found, last = done.stdout.splitlines()
    assert last == f"tried {len(ports)}"
    return found


def closed_to_other_users(processes: list[psutil.Process]) -> set[Path]:
    """Asserts that no other user reaches these processes or their files; returns the folders where dask works."""
    listening = [c.laddr for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    # Scheduler, nanny, worker, and the pages that dask's scheduler and worker would have.
    assert len(listening) >= 5
    if os.geteuid() == 0:  # only root can become another user
        assert intruder([address.port for address in listening]) == []
    # Dask puts its scratch folders first where Python looks for modules.
    scratch = {parent for p in processes for file in p.open_files() for parent in Path(file.path).parents
               if "mnist-lab-" in str(parent)}  # fmt: skip
    assert scratch
    assert {stat.S_IMODE(folder.stat().st_mode) & 0o77 for folder in scratch if folder.parent == Path(tempfile.gettempdir())} == {0}  # fmt: skip
    return scratch


def test_of_two_supervisors_one_starts_a_quiet_closed_engine_and_the_other_takes_over_when_it_can(
    store: Store, small: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One story, since each of its engines has to load TensorFlow."""
    written = tmp_path / "engine.log"
    monkeypatch.setattr(log_file, "path", lambda: written)
    with contextlib.ExitStack() as second, contextlib.ExitStack() as first:
        first.enter_context(supervisor.engine(store.url))
        wait_until(lambda: store.lease.current() and store.lease.current().state == "ready", "the worker is warm")
        waits = second.enter_context(supervisor.engine(store.url))
        ratios = wait_until(store.calibrations.get, "an idle engine measures how fast the machine is")
        assert len(ratios) == 3
        assert all(0.01 < ratio < 100 for ratio in ratios)
        said = written.read_text().splitlines()
        assert said
        assert [line for line in said if "mnist_lab.engine." not in line] == []
        served = family(store.lease.current().pid)
        scratch = closed_to_other_users(served)

        monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD", "carrier pigeon")
        first.close()
        wait_until(lambda: all_gone(served), "nothing of it is left")
        assert not any(folder.exists() for folder in scratch)
        (run_id,) = store.queue.add([small], "ada")
        words = (
            "not working: The engine failed (ValueError: cannot find context for 'carrier pigeon'); the engine's log is"
        )
        wait_until(lambda: (Lab(store.url).engine_state() or "").startswith(words), "the page says it")
        assert store.runs.get(run_id).status is Status.QUEUED
        monkeypatch.delenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD")
        assert ended(store, run_id).status is Status.FINISHED
        assert waits.failure is None


def test_the_intruder_finds_a_cluster_that_is_open() -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    with LocalCluster(n_workers=0, protocol="tcp://", dashboard_address="127.0.0.1:0") as cluster:
        scheduler = cluster.scheduler
        ports = [scheduler.port, scheduler.http_server.port]
        found = intruder(ports)
    assert f"{ports[0]} no encryption" in found
    assert f"{ports[1]} /info/main/workers.html" in found


def test_a_failing_run_says_why_and_the_next_one_trains(served: Store, small: Experiment) -> None:
    recipe = small.recipe.model_dump() | {"optimizer": {"name": "sgd", "learning_rate": 1000.0}, "epochs": 50}
    wild = small.architecture.model_dump() | {"head": [{"units": 512}, {"units": 512}, {"units": 512}]}
    diverging, after = served.queue.add([small.with_changes(recipe=recipe, architecture=wild), small], "ada")
    failed = ended(served, diverging)
    assert failed.status is Status.FAILED
    assert "diverged" in failed.error
    assert ended(served, after).status is Status.FINISHED


def test_a_paused_run_leaves_its_place_and_continues_where_it_was(served: Store, small: Experiment) -> None:
    run_id, after = served.queue.add([longer(small), small], "ada")
    training(served, run_id)
    served.queue.pause(run_id)
    paused = wait_until(lambda: (run := served.runs.get(run_id)).status is Status.PAUSED and run, "it is paused")
    assert ended(served, after).status is Status.FINISHED
    served.queue.resume(run_id)
    wait_until(lambda: served.runs.get(run_id).steps_done > paused.steps_done, "it continues")
    served.queue.stop(run_id)
    assert ended(served, run_id).status is Status.STOPPED


def test_more_epochs_of_a_finished_run_are_a_new_run_that_continues(served: Store, small: Experiment) -> None:
    parent = undisturbed(served, small)
    more = small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 4})
    child = ended(served, served.queue.continue_run(parent, 2, more, "ada", (None, None)))
    straight = undisturbed(served, more)
    assert served.runs.epochs([child.id])["epoch"].tolist() == [1, 2, 3, 4]
    assert child.test_loss == straight.test_loss
    assert served.runs.get(parent.id) == parent


def test_questions_are_answered_while_a_run_trains_and_leave_it_as_it_was(served: Store, small: Experiment) -> None:
    recipe = small.recipe.model_dump() | {"epochs": 15}
    longer = small.with_changes(recipe=recipe)
    (alone,) = served.queue.add([longer], "ada")
    assert ended(served, alone).status is Status.FINISHED
    (beside,) = served.queue.add([longer], "ada")
    training(served, beside)
    answered = 0
    while not served.runs.get(beside).status.is_ended:
        question = served.questions.submit("export", {"run_id": alone})
        done = wait_until(
            lambda id_=question: (q := served.questions.get(id_)) and q.is_done and q, "the question is answered"
        )
        assert done.error is None
        with served.database.write() as connection:  # or the next one would be given this one's answer
            connection.exec_driver_sql("DELETE FROM errands")
        answered += not served.runs.get(beside).status.is_ended
    assert answered > 0
    assert np.array_equal(served.runs.probabilities(alone), served.runs.probabilities(beside))
    for name, kept in served.checkpoints.weights(alone).items():
        assert np.array_equal(kept, served.checkpoints.weights(beside)[name]), name
    unknown = served.questions.submit("export", {"run_id": 999})
    refused = wait_until(lambda: (q := served.questions.get(unknown)) and q.is_done and q, "the question is refused")
    assert refused.error.startswith("Run: there is none with the number 999")
