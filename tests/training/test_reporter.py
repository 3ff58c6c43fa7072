"""What a training reports and when: by a clock of the test's own, and of real trainings."""

from collections.abc import Callable

import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.training import reporter, trainer
from mnist_lab.training.checkpoint import Progress
from mnist_lab.training.reporter import Reporter
from mnist_lab.training.reports import Checkpoint, Command, Report
from tests.builders.training import Record, everything, run, same_result, without_seconds


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds go by on a clock that begins at 100."""
    now = [100.0]
    monkeypatch.setattr(reporter.time, "perf_counter", lambda: now[0])

    def by(seconds: float) -> None:
        now[0] += seconds

    return by


def counted(progress: Progress, loss: float, right: float = 50.0, images: float = 100.0) -> None:
    """Count a step with such sums."""
    progress.step += 1
    progress.sums = progress.sums + np.array([loss, right, images])


@pytest.mark.usefixtures("wait")
def test_a_point_is_shown_as_far_as_it_is_and_is_the_mean_of_all_its_steps_when_it_is_full() -> None:
    progress, found = Progress(seconds=50.0), list[Report]()
    told = Reporter(found.append, progress, planned_steps=2 * reporter.CURVE_POINTS, started=100.0)
    counted(progress, 200.0)
    told.add_step(ended=103.0, is_shown=True)
    told.report()
    counted(progress, 100.0, right=70)
    told.add_step(ended=104.0, is_shown=True)
    counted(progress, 90.0)
    told.add_step(ended=105.0, is_shown=False)  # the next point is not full, and nobody looks
    told.report()
    (first,), (full,) = (report.points for report in found)
    assert (first.point, first.step, first.loss, first.accuracy, first.seconds) == (0, 1, 2.0, 0.5, 53.0)
    assert (full.point, full.step, full.loss, full.accuracy, full.seconds) == (0, 2, 1.5, 0.6, 54.0)
    counted(progress, 110.0)
    told.add_step(ended=106.0, is_shown=False)
    told.report()
    (second,) = found[-1].points
    assert (second.point, second.step, second.loss) == (1, 4, 1.0)


def test_it_is_due_after_each_of_the_first_two_steps_and_then_by_the_clock(wait: Callable[[float], None]) -> None:
    progress = Progress()
    told = Reporter(lambda report: None, progress, 100, started=100.0, report_seconds=0.5, checkpoint_seconds=30.0)
    assert [told.is_due(step, now=100.1) for step in (1, 2, 3)] == [True, True, False]
    assert told.steps_until_due(0.125) == 1, "the first two steps are taken alone"
    progress.step = 2
    assert told.steps_until_due(0.0) == 1, "no step has been timed"
    assert told.steps_until_due(0.125) == 4
    wait(0.25)
    assert told.steps_until_due(0.125) == 2
    wait(0.25)
    assert told.is_due(3, now=100.5)
    assert told.steps_until_due(0.125) == 1
    told.report()
    assert not told.is_due(4, now=100.75)
    assert [told.is_checkpoint_due(now) for now in (129.0, 130.0)] == [False, True]
    told.report(checkpoint=Checkpoint(0, 4, {}))
    assert not told.is_checkpoint_due(130.0)


@pytest.mark.usefixtures("wait")
def test_however_seldom_it_reports_training_is_looked_at_each_second() -> None:
    told = Reporter(lambda report: None, Progress(step=2), 100, started=100.0, report_seconds=1e9)
    assert told.steps_until_due(0.125) == 8


def test_weights_and_checkpoints_that_come_faster_than_a_disk_writes_have_to_wait(
    wait: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "BURST_BYTES", 1000)
    monkeypatch.setattr(reporter, "BYTES_PER_SECOND", 100)
    told = Reporter(lambda report: None, Progress(), 100, started=100.0)
    half = np.zeros(800, np.uint8)
    told.report(weights={"w": half})
    assert told.may_write()
    told.report(checkpoint=Checkpoint(1, 10, {"w": half}))
    assert not told.may_write()
    wait(5)
    assert not told.may_write()
    wait(1.5)
    assert told.may_write()
    wait(1000)
    told.report(weights={"w": half, "v": half})
    assert not told.may_write(), "what could have been written before is no credit"


def test_seconds_of_training_and_how_many_of_them_went_into_reports(wait: Callable[[float], None]) -> None:
    progress = Progress(seconds=50.0, reporting_seconds=4.0)
    told = Reporter(lambda report: wait(2), progress, 100, started=90.0)
    told.report()
    assert told.seconds() == 62.0
    assert progress.reporting_seconds == 6.0


def test_when_it_is_looked_at_changes_nothing(small: Experiment) -> None:
    experiment = everything(small)
    often, log = run(experiment)
    seldom = Record()
    outcome = trainer.train(experiment, seldom.report, seldom.command, report_seconds=1e9, checkpoint_seconds=1e9)
    assert outcome
    assert same_result(often, outcome)
    assert without_seconds(seldom.epochs) == without_seconds(log.epochs)


def test_short_epochs_of_a_large_network_are_not_all_written_but_the_last_is(
    small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "BURST_BYTES", 1)
    monkeypatch.setattr(reporter, "BYTES_PER_SECOND", 1)
    experiment = small.with_changes(recipe=small.recipe.model_dump() | {"epochs": 4})
    whole, lines = [], []

    def report(report: Report) -> None:
        if report.epoch:
            lines.append(report.epoch.epoch)
            if report.checkpoint and report.weights:
                whole.append(report.epoch.epoch)

    assert trainer.train(experiment, report, lambda: Command.CONTINUE)
    assert lines == [1, 2, 3, 4]
    assert whole == [1, 4]


def test_checkpoints_come_by_the_clock_too(small: Experiment) -> None:
    record = Record()
    trainer.train(small, record.report, record.command, report_seconds=0.0, checkpoint_seconds=0.0)
    assert {1, 2, 11} <= {checkpoint.step for checkpoint in record.checkpoints}


def test_points_of_the_curve_are_means_that_add_up_to_the_epoch(small: Experiment) -> None:
    _, record = run(small.with_changes(train_images=950))
    first = [point for point in record.points.values() if point.step <= 10]
    assert [point.step for point in first] == list(range(1, 11))
    weights = [100] * 9 + [50]
    assert np.average([p.loss for p in first], weights=weights) == pytest.approx(record.epochs[0].loss, rel=1e-5)
    assert np.average([p.accuracy for p in first], weights=weights) == pytest.approx(record.epochs[0].accuracy)


def test_a_long_run_has_a_bounded_curve_that_reaches_its_end(small: Experiment) -> None:
    recipe = small.recipe.model_dump() | {"batch_size": 10, "epochs": 9}
    experiment = small.with_changes(recipe=recipe, train_images=1000)
    _, record = run(experiment)
    assert len(record.points) <= reporter.CURVE_POINTS
    steps = [record.points[key].step for key in sorted(record.points)]
    assert steps == sorted(steps)
    assert steps[-1] == 900
