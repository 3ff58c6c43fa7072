"""Challenges in the store: what is kept from everybody, from which run on, and until when."""

import time

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.store.store import Store
from tests.builders.classes import open_class
from tests.builders.runs import finished


def test_what_was_queued_since_it_began_is_kept_whatever_the_clock_says(
    store: Store, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = open_class(store)
    before = finished(store, small, 0.5).id
    challenge = store.challenges.begin(room, "{}")
    monkeypatch.setattr(time, "time", lambda: 1.0)  # long before it began
    after = finished(store, small.with_changes(seed=2), 0.5).id
    assert [store.runs.get(run_id).test_accuracy for run_id in (before, after)] == [0.5, None]
    assert store.runs.get(after).validation_accuracy == 0.5
    seen = store.runs.fingerprint()
    store.challenges.close(challenge)
    assert store.runs.fingerprint() == seen
    assert store.runs.probabilities(after) is None
    store.challenges.reveal(challenge)
    assert store.runs.fingerprint() != seen, "tables are read anew"
    assert [store.runs.get(run_id).test_accuracy for run_id in (before, after)] == [0.5, 0.5]
    assert store.runs.probabilities(after) is not None


def test_a_second_one_keeps_what_is_queued_from_its_own_beginning_on(store: Store, small: Experiment) -> None:
    room = open_class(store)
    store.challenges.reveal(store.challenges.begin(room, "{}"))
    between = finished(store, small, 0.5).id
    second = store.challenges.begin(room, "{}")
    during = finished(store, small.with_changes(seed=2), 0.5).id
    assert [store.runs.get(run_id).is_unrevealed for run_id in (between, during)] == [False, True]
    assert store.challenges.latest(room).id == second
    assert store.challenges.waiting_seeds(small.design_key) == set()
    assert sorted(store.challenges.runs_of([small.design_key])) == [between, during]


def test_entering_is_refused_in_the_transaction_that_queues(store: Store, small: Experiment) -> None:
    room = open_class(store)
    challenge = store.challenges.begin(room, "{}")

    def refuse(rules: str) -> None:
        raise InputError(f"Budget: {rules}.")

    with pytest.raises(InputError, match="Budget"):
        store.challenges.enter(challenge, small, "pupil 1", (1.0, 2.0), None, refuse)
    store.challenges.close(challenge)
    with pytest.raises(InputError, match="entering has ended"):
        store.challenges.enter(challenge, small, "pupil 1", (1.0, 2.0), None, lambda rules: None)
    assert store.runs.all() == []
