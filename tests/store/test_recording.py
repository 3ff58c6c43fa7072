"""What a worker writes of its run."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import EngineError
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Checkpoint, Command, Report
from tests.builders.runs import LINE, OUTCOME, epoch, point


def test_metrics_come_back_as_they_went_in_and_a_known_point_is_replaced(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    store.recording.record(run_id, Report([point(0), point(1)]))
    store.recording.record(run_id, Report([point(1, step=9, loss=0.25)], LINE))
    store.recording.record(run_id, epoch(2, 0.6))
    batches = store.runs.batches(run_id)
    assert batches["point"].tolist() == [0, 1]
    assert batches["loss"].tolist() == [1.0, 0.25]
    assert store.runs.epochs([run_id])["validation_accuracy"].tolist() == [0.7, 0.6]
    run = store.runs.get(run_id)
    assert (run.best_validation_accuracy, run.best_epoch) == (0.7, 1)
    assert (run.last_validation_accuracy, run.epochs_done, run.steps_done) == (0.6, 2, 9)


def test_kept_weights_and_predictions_come_back_without_pickle(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    weights = {"network/a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "network/a/bias": np.zeros(3)}
    probabilities = np.random.default_rng(1).random((10_000, 10)).astype(np.float32)
    probabilities[0, :2] = 1.5, 1.5001  # one number as float16, and the second is the answer
    store.recording.finish(run_id, replace(OUTCOME, weights=weights, probabilities=probabilities))
    found = store.checkpoints.weights(run_id)
    assert list(found) == list(weights)
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    kept = store.runs.probabilities(run_id)
    plain, answers = probabilities.astype(np.float16), probabilities.argmax(axis=1)
    tied = plain.argmax(axis=1) != answers
    assert tied[0]
    assert np.array_equal(kept[~tied], plain[~tied])
    changed = kept[tied] != plain[tied]
    assert np.array_equal(changed.argmax(axis=1), answers[tied]), "one step up for the larger of two"
    assert (changed.sum(axis=1) == 1).all()
    assert np.array_equal(kept.argmax(axis=1), answers), "answers are those that were counted"
    assert store.runs.get(run_id).test_accuracy == 0.61
    assert store.checkpoints.weights(99) is None
    assert store.runs.get(99) is None


def test_nothing_is_written_to_a_run_that_is_not_running(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("dead engine")
    store.lease.requeue_orphans()
    assert store.runs.get(run_id).status is Status.QUEUED
    assert store.recording.record(run_id, Report([point(0)], LINE)) is Command.STOP
    store.recording.finish(run_id, OUTCOME)
    assert store.runs.get(run_id).status is Status.QUEUED
    assert store.runs.batches(run_id).empty
    assert store.checkpoints.weights(run_id) is None


def test_a_run_whose_worker_died_goes_on_from_its_newest_checkpoint(store: Store) -> None:
    run_id, other = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    store.queue.claim("engine")
    assert store.recording.begin(run_id, {"threads": 2}) is None
    store.recording.record(run_id, Report([point(n) for n in range(10)]))
    store.recording.record(run_id, epoch(1))
    within = Checkpoint(1, 15, {"model/0": np.arange(3)})
    store.recording.record(run_id, Report([point(n) for n in range(10, 15)], checkpoint=within))
    store.recording.record(run_id, Report([point(n) for n in range(15, 18)]))
    store.queue.crashed(run_id)
    assert [run.id for run in store.queue.active()] == [run_id, other], "it is the next"
    assert store.queue.claim("engine").id == run_id
    found = store.recording.begin(run_id, {"threads": 2})
    assert (found.epoch, found.step, found.state["model/0"].tolist()) == (1, 15, [0, 1, 2])
    assert store.runs.batches(run_id)["step"].max() == 15, "what came after it is taken back"
    run = store.runs.get(run_id)
    assert (run.steps_done, run.epochs_done, run.caveat) == (15, 1, None)
    store.recording.record(run_id, epoch(2))
    store.queue.crashed(run_id)
    store.queue.claim("engine")
    found = store.recording.begin(run_id, {"threads": 1})
    assert (found.epoch, found.step) == (2, 20), "an epoch's end is newer than what was kept within it"
    assert "threads (1 after 2)" in store.runs.get(run_id).caveat


def test_who_has_lost_a_run_writes_to_it_no_more_though_it_is_in_training_again(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    lost = store.queue.claim("engine").claims
    store.recording.begin(run_id, {}, lost)
    store.queue.crashed(run_id)
    mine = store.queue.claim("another engine").claims
    store.recording.begin(run_id, {}, mine)
    assert store.recording.record(run_id, epoch(1), claim=lost) is Command.STOP
    with pytest.raises(EngineError, match="was taken from this worker"):
        store.recording.begin(run_id, {"lab": "lost"}, lost)
    store.recording.pause(run_id, lost)
    store.recording.end(run_id, Status.FAILED, "It failed.", lost)
    store.recording.finish(run_id, OUTCOME, lost)
    store.queue.crashed(run_id, lost)
    run = store.runs.get(run_id)
    assert (run.status, run.epochs_done, run.error, run.environment) == (Status.RUNNING, 0, None, {})
    assert store.recording.record(run_id, epoch(1), claim=mine) is Command.CONTINUE
    store.recording.finish(run_id, OUTCOME, mine)
    assert store.runs.get(run_id).status is Status.FINISHED
