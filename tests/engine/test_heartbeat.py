"""One engine at a time serves a store."""

import os
import time

import pytest

from mnist_lab.engine.heartbeat import Heartbeat
from mnist_lab.store.store import Store


def test_it_is_due_each_second_and_at_once_where_the_state_is_another_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    heartbeat = Heartbeat(store, "one")
    assert heartbeat.begin("warming up")
    assert heartbeat.is_due("warming up")
    assert heartbeat.beat("warming up")
    assert not heartbeat.is_due("warming up")
    assert heartbeat.is_due("ready")
    now[0] += 1
    assert heartbeat.is_due("warming up")
    assert heartbeat.beat("ready")
    assert (store.lease.current().state, store.lease.current().pid) == ("ready", os.getpid())


def test_a_second_engine_has_to_wait_for_the_end_of_the_first(store: Store) -> None:
    one, other = Heartbeat(store, "one"), Heartbeat(store, "other")
    assert one.begin("ready")
    assert not other.begin("ready")
    assert not other.beat("ready")
    assert other.is_due("ready"), "it has said nothing yet"
    one.end()
    assert store.lease.current() is None
    assert other.begin("ready")
    assert not one.beat("ready")


def test_a_lease_that_is_gone_is_taken_anew(store: Store) -> None:
    """As where somebody else's engine took it while this one was held up, and has ended."""
    heartbeat = Heartbeat(store, "one")
    heartbeat.begin("ready")
    store.lease.release("one")
    assert heartbeat.beat("ready")
    assert store.lease.current().engine == "one"
