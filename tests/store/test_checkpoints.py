"""What is kept of networks while they train and afterwards."""

from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from mnist_lab import settings
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.store import Store
from tests.builders.disk import MB, large
from tests.builders.runs import OUTCOME, epoch, trained


def test_of_an_ended_run_a_few_checkpoints_stay_evenly_spread_and_kept_best_and_last(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    for number in range(1, 101):
        store.recording.record(run_id, epoch(number, 0.9 if number == 77 else 0.7))
        training = list(store.checkpoints.epochs(run_id))
        assert len(training) == min(number, 16), "they are thinned as it goes"
        assert {1, number, *([77] if number >= 77 else [])} <= set(training)
    store.recording.finish(run_id, replace(OUTCOME, kept_epoch=77))
    left = store.checkpoints.epochs(run_id)
    assert {1, 77, 100} <= set(left)
    assert len(left) in (8, 9)
    assert np.diff(list(left)).max() < 20, "of 100, evenly spread"
    assert all(left.values()), "training can go on from each"
    assert store.checkpoints.weights(run_id)["w"].tolist() == [1.0, 1.0], "the kept ones are as the outcome has them"
    assert store.checkpoints.weights(run_id, 100)["w"][0] == 100
    assert store.checkpoints.pictured(run_id) == list(range(1, 101)), "pictures are small: all stay"
    assert store.checkpoints.snapshot(run_id, 7).filters.max() == 7
    assert store.checkpoints.snapshot(run_id, 101) is None


def test_room_is_made_by_thinning_the_oldest_runs_first(store: Store) -> None:
    old, new = trained(store, size=100_000), trained(store, size=100_000)
    size = 3 * 2 * 400_000
    assert store.checkpoints.make_room(3 * size) == 0
    given_up = store.checkpoints.make_room(int(1.5 * size))
    assert given_up > 0.5 * size
    assert store.checkpoints.epochs(old) == {1: False, 3: False}, "kept and last stay, with weights alone"
    assert store.checkpoints.epochs(new) == {1: True, 2: True, 3: True}
    store.checkpoints.make_room(0)
    assert store.checkpoints.epochs(new) == {1: False, 3: False}
    assert store.checkpoints.weights(old) is not None


def test_a_run_in_training_keeps_within_its_share_and_can_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CHECKPOINT_MB, "40")  # a share is 10 MB
    store.queue.add([PRESETS["3x3"]], "ada")
    run = store.queue.claim("engine")
    assert run
    size = sa.text("SELECT sum(length(weights)), coalesce(sum(length(state)), 0) FROM checkpoints")
    for number in range(1, 41):
        store.recording.record(run.id, epoch(number, 0.9 if number == 5 else 0.7, size=250_000))  # two times 1 MB
        with store.database.read() as connection:
            assert sum(connection.execute(size).one()) <= 10 * MB
    kept = store.checkpoints.epochs(run.id)
    assert {5, 40} <= set(kept)
    assert len(kept) >= 6
    assert kept[40], "the state of the last stays"
    assert store.recording.begin(run.id, {}).epoch == 40
    monkeypatch.setenv(settings.CHECKPOINT_MB, "1")
    store.recording.record(run.id, epoch(41, size=250_000))
    assert store.checkpoints.epochs(run.id) == {41: True}, "the last stays whatever it comes to"


def test_ended_runs_leave_room_for_those_in_training(store: Store) -> None:
    old = trained(store, size=1 * MB)  # three epochs of 8 MB
    store.queue.add([large()], "ada")
    assert store.checkpoints.make_room(40 * MB) == 0
    assert store.queue.claim("engine")
    assert store.checkpoints.make_room(40 * MB) == 0, "10 MB of it are the share of the run in training"
    assert store.checkpoints.make_room(25 * MB) > 0
    assert not any(store.checkpoints.epochs(old).values())
