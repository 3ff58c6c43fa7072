"""Studies of small networks, and their runs as workers would leave them, without training."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mnist_lab.design.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from mnist_lab.studies.plan import Plan
from mnist_lab.training.reports import Report
from tests.builders.plans import plan_data
from tests.builders.runs import ADA, LINE, OUTCOME, point

KERNELS = (2, 3)


def small_plan(small: Experiment, **changes: object) -> Plan:
    """Two kernels of three seeds each, in a network that trains within a second."""
    kernels = {"field": "blocks.kernel_size", "levels": list(KERNELS)}
    given = plan_data(base=small.model_dump(mode="json"), factors=[kernels], seeds=3)
    return Plan.model_validate(given | changes)


def ends(store: Store, run_id: int, accuracy: float, status: Status = Status.FINISHED) -> Run:
    """A waiting run as its worker leaves it, with a curve, a log and answers that follow from its accuracy."""
    assert store.queue.claim("engine", only=[run_id])
    store.recording.begin(run_id, {"lab": "0.7.0"})
    store.recording.record(
        run_id, Report([point(0)], replace(LINE, validation_accuracy=accuracy), None, {"w": np.ones(2)})
    )
    if status is Status.FAILED:
        store.recording.end(run_id, status, "Training diverged in epoch 1: the loss is not a number.")
    else:
        its = {"validation_accuracy": accuracy, "test_accuracy": accuracy, "stopped": status is Status.STOPPED}
        store.recording.finish(run_id, replace(OUTCOME, **its, probabilities=np.full((3, 10), accuracy)))
    return store.runs.get(run_id)


def accuracy_of(cell: int, seed: int) -> float:
    """The second cell is better, by about one point."""
    return 0.9 + 0.01 * cell + 0.0001 * ((7 * seed + 3 * cell) % 5)


def complete(lab: Lab, study_id: int, of: Callable[[int, int], float] = accuracy_of, but: int = 0) -> list[int]:
    """End all runs of a study that wait, but for some at its end; returns the ids of the ones that ended."""
    rows = lab.store.studies.runs(study_id)
    rows = rows[rows["status"] == Status.QUEUED].sort_values(["seed", "cell"])
    done = []
    for cell, seed, run_id in list(zip(rows["cell"], rows["seed"], rows["run"], strict=True))[: len(rows) - but]:
        done.append(ends(lab.store, int(run_id), of(cell, seed)).id)
    return done


def started(lab: Lab, plan: Plan, by: Person = ADA) -> int:
    """The id of a study of which all runs but the last have ended, so that it is sealed."""
    study_id = lab.studies.start(plan, by=by)
    complete(lab, study_id, but=1)
    return study_id
