from mnist_lab import estimate
from mnist_lab.experiment import Experiment
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
    assert estimate.seconds(other, []) == estimate.model_seconds(other)
    run = finished(store, small, 0.9)  # took 10 s
    assert estimate.seconds(small.with_changes(seed=9), [run]) == 10.0
    slower = 10.0 / estimate.model_seconds(small)
    assert estimate.seconds(other, [run]) == estimate.model_seconds(other) * slower


def test_durations_as_a_person_says_them() -> None:
    said = [estimate.duration_text(seconds) for seconds in (0.2, 8.4, 89, 240, 4800)]
    assert said == ["1 s", "8 s", "89 s", "4 min", "80 min"]
    assert estimate.duration_text(6000) == "1 h 40 min"
