"""What tests of engines share."""

import contextlib

import numpy as np
import psutil

from mnist_lab.design.experiment import Experiment
from mnist_lab.store.run import Run, Status
from mnist_lab.store.store import Store
from tests.builders.processes import family, wait_until


def ended(store: Store, run_id: int) -> Run:
    return wait_until(lambda: (run := store.runs.get(run_id)).status.is_ended and run, "the run ends")


def workers(store: Store) -> list[psutil.Process]:
    """The engine's worker processes, oldest first."""
    found = []
    for process in family(store.lease.current().pid)[1:]:
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())


def longer(small: Experiment) -> Experiment:
    """Some seconds of training, with everything that has a state."""
    recipe = small.recipe.model_dump() | {"epochs": 12, "augmentation": {"shift": 2}, "moving_average": 0.9}
    return small.with_changes(recipe=recipe, train_images=5000)


def undisturbed(store: Store, experiment: Experiment) -> Run:
    (run_id,) = store.queue.add([experiment], "ada")
    run = ended(store, run_id)
    assert run.status is Status.FINISHED
    return run


def assert_same_result(store: Store, one: Run, other: Run) -> None:
    """To the bit: weights, predictions, the log and the curve."""
    assert one.status is other.status is Status.FINISHED
    weights, others = store.checkpoints.weights(one.id), store.checkpoints.weights(other.id)
    assert all(np.array_equal(weights[name], others[name]) for name in weights)
    assert np.array_equal(store.runs.probabilities(one.id), store.runs.probabilities(other.id))
    assert (one.test_loss, one.validation_loss, one.kept_epoch) == (
        other.test_loss,
        other.validation_loss,
        other.kept_epoch,
    )
    logs = [store.runs.epochs([run.id]).drop(columns=["run_id", "seconds"]) for run in (one, other)]
    assert logs[0].equals(logs[1])
    curves = [store.runs.batches(run.id).drop(columns=["run_id", "seconds"]) for run in (one, other)]
    assert curves[0].equals(curves[1])


def gets_on(run: Run, steps: int) -> bool:
    return run.status.is_ended or (run.status is Status.RUNNING and run.steps_done > steps)


def training(store: Store, run_id: int) -> Run:
    return wait_until(lambda: (run := store.runs.get(run_id)).steps_done > 10 and run, "the run trains")
