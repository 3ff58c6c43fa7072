"""How much of a training is done, counted in four ways."""

from typing import get_args

import pandas as pd
import pytest

from mnist_lab.charts.work import AXES, Axis, Work
from mnist_lab.design.presets import PRESETS


def test_work_is_three_times_that_of_an_answer() -> None:
    work = Work.of(PRESETS["3x3"])
    # By hand: 26·26·9·16 + 12·12·9·16·16 + 2·2·9·16·32 + 32·128 + 128·10 multiply-adds an image; 128 images a batch.
    image = 26 * 26 * 9 * 16 + 12 * 12 * 9 * 16 * 16 + 2 * 2 * 9 * 16 * 32 + 32 * 128 + 128 * 10
    assert work.multiply_adds == pytest.approx(3 * 128 * image / 1e9)
    assert work.planned("batches") == 12 * 469
    assert work.planned("epochs") == 12
    assert work.planned("seconds") is None


def test_every_way_to_count_has_a_title_for_its_axis() -> None:
    assert list(AXES) == list(get_args(Axis))


@pytest.mark.parametrize(
    ("axis", "end"), [("epochs", 3.0), ("batches", 30.0), ("seconds", None), ("multiply-adds", 15.0)]
)
def test_the_end_of_a_training_is_known_before_but_for_its_seconds(axis: Axis, end: float | None) -> None:
    work = Work(steps_per_epoch=10, planned_steps=30, multiply_adds=0.5)
    assert work.planned(axis) == end
    steps, seconds = pd.Series([0, 30]), pd.Series([0.0, 7.5])
    assert work.along(axis, steps, seconds).tolist() == [0.0, 7.5 if end is None else end]
