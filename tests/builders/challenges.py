"""Challenges with entries as workers would leave them, without training."""

from dataclasses import replace

import numpy as np

from mnist_lab.design.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.lesson.challenges import Rules
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Report
from tests.builders.classes import TEACHER
from tests.builders.runs import LINE, OUTCOME, point

AMPLE = Rules(parameters=10**6)


def begun(lab: Lab, rules: Rules = AMPLE) -> int:
    return lab.challenges.begin(rules, by=TEACHER)


def ends(
    store: Store, run_id: int, validation: float, test: float, status: Status = Status.FINISHED, wrong: int = 100
) -> None:
    """A waiting run as its worker leaves it; its answers get the first `wrong` of 10,000 test images wrong."""
    assert store.queue.claim("engine", only=[run_id])
    store.recording.begin(run_id, {"lab": "0.7.0"})
    line = replace(LINE, validation_accuracy=validation)
    store.recording.record(run_id, Report([point(0)], line, None, {"w": np.ones(2)}))
    if status is Status.FAILED:
        store.recording.end(run_id, status, "Training diverged in epoch 1: the loss is not a number.")
        return
    probabilities = np.full((10_000, 10), 0.05)
    probabilities[wrong:, 7] = 0.5
    its = {"validation_accuracy": validation, "test_accuracy": test, "test_loss": test / 10}
    is_stopped = status is Status.STOPPED
    store.recording.finish(run_id, replace(OUTCOME, **its, stopped=is_stopped, probabilities=probabilities))


def entry(lab: Lab, by: Person, design: Experiment, validation: float, test: float, **how: object) -> int:
    """The id of an entry that has ended."""
    run_id = lab.challenges.enter(design, by=by)
    ends(lab.store, run_id, validation, test, **how)
    return run_id
