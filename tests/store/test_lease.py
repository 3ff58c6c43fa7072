"""Which engine serves a store, and whether it lives."""

import subprocess
import sys
from dataclasses import replace

import pytest
import sqlalchemy as sa

from mnist_lab.design.presets import PRESETS
from mnist_lab.store import lease
from mnist_lab.store.run import Status
from mnist_lab.store.schema import LEASE
from mnist_lab.store.store import Store


def test_the_lease_belongs_to_one_living_engine(store: Store) -> None:
    assert store.lease.take("one", "warming up")
    assert store.lease.current().is_live
    assert not store.lease.take("two", "ready")
    assert store.lease.renew("one", "ready")
    assert store.lease.current().state == "ready"
    assert not store.lease.renew("two", "ready")
    store.lease.release("one")
    assert store.lease.current() is None
    assert store.lease.take("two", "ready")


@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_a_dead_engine_loses_its_lease_and_its_runs(store: Store, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    with monkeypatch.context() as patch:
        if host == "elsewhere":
            patch.setattr(lease.socket, "gethostname", lambda: "elsewhere")
            patch.setattr(lease, "time_of", lambda _connection: 1000.0)
        store.lease.take("one", "ready")
        store.queue.claim("one")
    if host == "here":
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        with store.database.write() as connection:
            connection.execute(sa.update(LEASE).values(pid=dead.pid))
    assert not store.lease.current().is_live
    assert store.lease.take("two", "ready")
    assert store.runs.get(run_id).status is Status.QUEUED


def test_another_process_with_the_number_of_a_dead_engine_is_not_the_engine(store: Store) -> None:
    store.lease.take("one", "ready")
    lease = store.lease.current()
    assert lease.is_live
    assert not replace(lease, process_created=lease.process_created - 60, age=60.0).is_live


def test_an_engine_outlives_a_clock_that_is_set_and_a_machine_that_slept(store: Store) -> None:
    store.lease.take("one", "ready")
    lease = store.lease.current()
    assert replace(lease, process_created=lease.process_created - 3600).is_live
    assert replace(lease, age=3600.0).is_live


def test_a_living_engines_runs_are_not_orphans(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.lease.take("one", "ready")
    store.queue.claim("one")
    store.lease.requeue_orphans()
    assert store.runs.get(run_id).status is Status.RUNNING
