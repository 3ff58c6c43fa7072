"""What all charts look like."""

import pytest

from mnist_lab.charts import style


@pytest.mark.parametrize("shown", [(0.0, 1.0), (0.9, 1.0), (0.98, 1.0), (0.95, 0.97), (0.991, 0.993)])
def test_the_ticks_of_an_axis_of_shares_are_told_apart(shown: style.Frame) -> None:
    digits = style.percent_format(shown)[1:]
    step = (shown[1] - shown[0]) / 10
    ticks = [format(shown[0] + i * step, digits) for i in range(11)]
    assert len(set(ticks)) == len(ticks)


def test_ten_digits_have_ten_colours_and_no_two_sides_that_are_compared_one_shape() -> None:
    assert len(set(style.CATEGORIES)) == 10
    assert len(set(style.SHAPES)) == len(style.SHAPES) >= 6
