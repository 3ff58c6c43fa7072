from dataclasses import replace

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.results import prediction as predicting
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from tests.builders.runs import ADA, finished


def test_more_work_takes_longer() -> None:
    of = {name: predicting.model_seconds(preset) for name, preset in PRESETS.items()}
    assert of["7x7"] > of["2x2"] > of["fast"]
    fewer = PRESETS["7x7"].with_changes(train_images=6000)
    assert predicting.model_seconds(fewer) < of["7x7"] / 3


def test_past_runs_correct_it_and_those_of_the_same_design_most(store: Store, small: Experiment) -> None:
    other = PRESETS["3x3"]
    model = predicting.model_seconds(other)
    unknown = predicting.predict(other, [])
    assert (unknown.low, unknown.seconds, unknown.high) == (model / 2, model, model * 2)
    run = finished(store, small, 0.9)  # took 10 s
    same = predicting.predict(small.with_changes(seed=9), [run])
    assert (same.low, same.seconds, same.high) == (9.0, 10.0, 11.0)
    assert predicting.predict(other, [run]).seconds == model  # it did not train all its epochs


def test_the_calibration_of_a_machine_moves_and_narrows_the_range(store: Store) -> None:
    assert store.calibrations.get() is None
    store.calibrations.save([1.5, 2.0, 1.8])
    store.calibrations.save([1.4, 2.0, 1.8])
    model = predicting.model_seconds(PRESETS["3x3"])
    found = predicting.predict(PRESETS["3x3"], [], store.calibrations.get())
    assert found.seconds == pytest.approx(1.8 * model)
    assert (found.low, found.high) == (pytest.approx(1.4 * 0.8 * model), pytest.approx(2.0 * 1.25 * model))


def test_a_calibration_that_runs_contradict_is_not_believed(store: Store, small: Experiment) -> None:
    """As one made beside other load, which says many times too long."""
    other = PRESETS["3x3"]
    run = replace(finished(store, small, 0.9), epochs_done=small.recipe.epochs)
    ratio = run.seconds / predicting.model_seconds(small)
    for calibration in ([8 * ratio] * 3, [ratio / 8] * 3):
        assert predicting.predict(other, [run], calibration) == predicting.predict(other, [run])
    near = predicting.predict(other, [run], [1.5 * ratio] * 3)
    assert near.high == pytest.approx(1.5 * 1.25 * ratio * predicting.model_seconds(other))


def test_which_runs_contradict_a_calibration(store: Store) -> None:
    long = PRESETS["3x3"]
    model = predicting.model_seconds(long)
    run = replace(finished(store, long, 0.9), epochs_done=long.recipe.epochs)
    calibration = [1.0, 1.2, 0.9]
    assert not predicting.contradicts(calibration, replace(run, seconds=1.5 * model))
    assert predicting.contradicts(calibration, replace(run, seconds=3 * model))
    assert predicting.contradicts(calibration, replace(run, seconds=model / 3))
    assert not predicting.contradicts(None, replace(run, seconds=3 * model))
    assert not predicting.contradicts(calibration, replace(run, seconds=3 * model, epochs_done=5))
    assert not predicting.contradicts(calibration, replace(run, seconds=3 * model, status=Status.STOPPED))
    short = long.with_changes(train_images=100, recipe=long.recipe.model_dump() | {"epochs": 1})
    brief = replace(finished(store, short, 0.9), epochs_done=1)
    assert not predicting.contradicts(calibration, replace(brief, seconds=3 * predicting.model_seconds(short)))


def test_a_machine_is_calibrated_when_it_was_measured_in_quiet(store: Store) -> None:
    assert not store.calibrations.is_quiet()
    store.calibrations.save([5.0, 6.0], is_quiet=False)
    assert (store.calibrations.get(), store.calibrations.is_quiet()) == ([5.0, 6.0], False)
    store.calibrations.save([1.0, 1.1], is_quiet=True)
    assert (store.calibrations.get(), store.calibrations.is_quiet()) == ([1.0, 1.1], True)


def test_a_run_remembers_what_was_predicted(store: Store) -> None:
    lab = Lab(store.url)
    (run_id,) = lab.start(PRESETS["3x3"], by=ADA)
    prediction = lab.estimate(PRESETS["3x3"])
    run = store.runs.get(run_id)
    assert (run.predicted_low, run.predicted_high) == (prediction.low, prediction.high)
    assert "s per epoch" in prediction.text()


def test_durations_as_a_person_says_them() -> None:
    said = [predicting.duration_text(seconds) for seconds in (0.2, 8.4, 89, 240, 4800)]
    assert said == ["1 s", "8 s", "89 s", "4 min", "80 min"]
    assert predicting.duration_text(6000) == "1 h 40 min"


def test_a_large_kernel_takes_less_than_its_multiplications_say() -> None:
    """As training takes it by way of the Fourier transform, unless images are few."""
    large = PRESETS["7x7"]

    def seconds(batch_size: int) -> float:
        recipe = large.recipe.model_copy(update={"batch_size": batch_size})
        return predicting.step_seconds(large.model_copy(update={"recipe": recipe}))

    # A step takes so much whatever its images, and as much again for each of them.
    of_few = (seconds(4) - seconds(2)) / 2
    whatever = seconds(4) - 4 * of_few
    of_many = (seconds(128) - whatever) / 128
    assert whatever > 0
    assert of_few > 1.2 * of_many
