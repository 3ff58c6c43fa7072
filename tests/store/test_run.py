"""What a run's row says."""

from dataclasses import replace

import pytest

from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command


def test_a_run_has_ended_where_nothing_happens_to_it_unasked() -> None:
    assert {status for status in Status if not status.is_ended} == {Status.QUEUED, Status.RUNNING, Status.PAUSED}


@pytest.mark.parametrize(
    ("pause", "stop", "command"),
    [
        (None, None, Command.CONTINUE),
        (1.0, None, Command.PAUSE),
        (None, 1.0, Command.STOP),
        (2.0, 1.0, Command.STOP),
    ],
)
def test_to_stop_goes_before_to_pause(store: Store, pause: float | None, stop: float | None, command: Command) -> None:
    run = store.runs.get(*store.queue.add([PRESETS["3x3"]], "ada"))
    assert replace(run, pause_requested=pause, stop_requested=stop).command is command


def test_its_experiment_has_the_name_that_it_has_now(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.labels.set([run_id], name="mine", tags=["b", "a"])
    run = store.runs.get(run_id)
    assert run.experiment == PRESETS["3x3"].with_changes(name="mine")
    assert run.planned_steps == run.experiment.steps_per_epoch * run.experiment.recipe.epochs
    assert (run.tags, run.environment) == (("a", "b"), {})
