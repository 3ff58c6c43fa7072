"""What a measurement of the machine says."""

import pytest

from mnist_lab import machine
from mnist_lab.design.experiment import Experiment
from mnist_lab.engine.worker.calibration import calibrate
from mnist_lab.results import prediction
from mnist_lab.training import speed


@pytest.mark.parametrize("is_quiet", [False, True])
def test_ratios_are_of_what_steps_take_to_what_the_model_says(is_quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def thrice(experiment: Experiment, calls: int, most_seconds: float) -> float:
        assert (calls, most_seconds) == (5, 3.0)
        return 3 * prediction.step_seconds(experiment)

    monkeypatch.setattr(speed, "measure", thrice)
    monkeypatch.setattr(machine.Load, "is_quiet", lambda self: is_quiet)
    assert calibrate(1) == (pytest.approx([3.0, 3.0, 3.0]), is_quiet)
