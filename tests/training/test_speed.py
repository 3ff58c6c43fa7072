"""Measuring how fast this machine trains."""

import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.training import speed


def test_a_measurement_ends_soon_where_steps_are_slow(small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 7))  # each call takes seven seconds
    monkeypatch.setattr(speed.time, "perf_counter", lambda: float(next(clock)))
    assert speed.measure(small, 500, most_seconds=3.0) == 7 / speed.STEPS
    before = next(clock)
    speed.measure(small, 2, most_seconds=100.0)
    assert next(clock) - before == 7 * (1 + 1 + 2 * 3)  # its own start, and three calls
