"""Runs as a worker leaves them, without training."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.person import Person
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import BatchPoint, Checkpoint, EpochPoint, Outcome, Report, Snapshot

ADA = Person("ada")
LINE = EpochPoint(epoch=1, steps=10, loss=1.0, accuracy=0.5, validation_loss=0.9, validation_accuracy=0.7, seconds=1.5)


OUTCOME = Outcome(
    stopped=False,
    kept_epoch=1,
    validation_accuracy=0.6,
    validation_loss=0.9,
    test_accuracy=0.61,
    test_loss=0.88,
    weights={"w": np.ones(2)},
    probabilities=np.ones((3, 10)),
    seconds=2.0,
    reporting_seconds=0.01,
)


def point(number: int, step: int | None = None, loss: float | None = None) -> BatchPoint:
    step = number + 1 if step is None else step
    return BatchPoint(number, step, 1.0 / (number + 1) if loss is None else loss, 0.5, float(number))


def epoch(number: int, accuracy: float = 0.7, steps: int = 10, size: int = 1000) -> Report:
    """All that is reported when an epoch ends; weights and state of `size` numbers each."""
    state = Checkpoint(number, number * steps, {"model/0": np.full(size, number, np.float32)})
    snapshot = Snapshot(
        np.eye(10, dtype=np.int32), np.zeros((10_000, 10), np.uint8), np.full((3, 3, 1, 2), float(number))
    )
    line = replace(LINE, epoch=number, steps=steps, validation_accuracy=accuracy)
    return Report([], line, snapshot, {"w": np.full(size, number, np.float32)}, state)


def trained(store: Store, epochs: int = 3, size: int = 1000) -> int:
    """The id of a finished run of so many epochs."""
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine", only=[run_id])
    for number in range(1, epochs + 1):
        store.recording.record(run_id, epoch(number, size=size))
    store.recording.finish(run_id, OUTCOME)
    return run_id


def finished(store: Store, experiment: Experiment, accuracy: float, status: Status = Status.FINISHED) -> Run:
    (run_id,) = store.queue.add([experiment], "ada")
    return finish(store, run_id, accuracy, status)


def finish(store: Store, run_id: int, accuracy: float, status: Status = Status.FINISHED) -> Run:
    """A waiting run as its engine and worker would leave it."""
    store.queue.claim("engine", only=[run_id])
    outcome = Outcome(
        stopped=status is Status.STOPPED,
        kept_epoch=1,
        validation_accuracy=accuracy,
        validation_loss=1 - accuracy,
        test_accuracy=accuracy,
        test_loss=1 - accuracy,
        weights={},
        probabilities=np.zeros((1, 10)),
        seconds=10.0,
        reporting_seconds=0.0,
    )
    store.recording.finish(run_id, outcome)
    return store.runs.get(run_id)


LEFT_BY_0_6 = Path(__file__).parents[1] / "left_by_0_6"
