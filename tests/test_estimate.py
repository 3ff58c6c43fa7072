import pytest

from mnist_lab import estimate
from mnist_lab.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.presets import PRESETS
from mnist_lab.store import Store
from tests.test_results import finished


def test_more_work_takes_longer() -> None:
    of = {name: estimate.model_seconds(preset) for name, preset in PRESETS.items()}
    assert of["7x7"] > of["2x2"] > of["fast"]
    fewer = PRESETS["7x7"].with_changes(train_images=6000)
    assert estimate.model_seconds(fewer) < of["7x7"] / 3


def test_past_runs_correct_it_and_those_of_the_same_design_most(store: Store, small: Experiment) -> None:
    other = PRESETS["3x3"]
    model = estimate.model_seconds(other)
    unknown = estimate.predict(other, [])
    assert (unknown.low, unknown.seconds, unknown.high) == (model / 2, model, model * 2)
    run = finished(store, small, 0.9)  # took 10 s
    same = estimate.predict(small.with_changes(seed=9), [run])
    assert (same.low, same.seconds, same.high) == (9.0, 10.0, 11.0)
    assert estimate.predict(other, [run]).seconds == model  # it did not train all its epochs


def test_the_calibration_of_a_machine_moves_and_narrows_the_range(store: Store) -> None:
    assert store.calibration() is None
    store.save_calibration([1.5, 2.0, 1.8])
    store.save_calibration([1.4, 2.0, 1.8])
    model = estimate.model_seconds(PRESETS["3x3"])
    found = estimate.predict(PRESETS["3x3"], [], store.calibration())
    assert found.seconds == pytest.approx(1.8 * model)
    assert (found.low, found.high) == (pytest.approx(1.4 * 0.8 * model), pytest.approx(2.0 * 1.25 * model))


def test_a_run_remembers_what_was_predicted(store: Store) -> None:
    lab = Lab(store.url)
    (run_id,) = lab.start(PRESETS["3x3"])
    prediction = lab.estimate(PRESETS["3x3"])
    run = store.run(run_id)
    assert (run.predicted_low, run.predicted_high) == (prediction.low, prediction.high)
    assert "s an epoch" in prediction.text()


def test_durations_as_a_person_says_them() -> None:
    said = [estimate.duration_text(seconds) for seconds in (0.2, 8.4, 89, 240, 4800)]
    assert said == ["1 s", "8 s", "89 s", "4 min", "80 min"]
    assert estimate.duration_text(6000) == "1 h 40 min"


def test_a_large_kernel_takes_less_than_its_multiplications_say() -> None:
    """As training takes it by way of the Fourier transform, unless images are few."""
    large = PRESETS["7x7"]
    few = large.model_copy(update={"recipe": large.recipe.model_copy(update={"batch_size": 4})})

    (_, of_few), (_, of_many) = map(estimate._costs, (few, large))
    assert of_few > 1.2 * of_many
