"""What part of a scale is drawn."""

import pytest

from mnist_lab.charts import frames


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.31, 0.2], 2.5),
        ([2.5, float("nan"), float("inf")], 2.5),
        ([0.1], 0.1),
        ([101.0], 120.0),
        ([], 0.01),
        ([0.0], 0.01),
        ([3e38], 3e38),
    ],
)
def test_an_axis_ends_at_a_round_value_whatever_there_is_to_draw(values: list[float], expected: float) -> None:
    assert frames.end(values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "values", "shown", "words"),
    [
        ("accuracy", [0.1, 0.6, 0.95, 0.97], (0.95, 1.0), "2 points of accuracy below 95%, the lowest 10.0%"),
        ("accuracy", [0.11, 0.2, 0.27, 0.275], (0.2, 1.0), "1 point of accuracy below 20%, the lowest 11.0%"),
        ("accuracy", [0.05, 0.05, 0.05, 0.05], (0.0, 1.0), ""),
        ("accuracy", [1.0, 1.0, 1.0, 1.0], (0.98, 1.0), ""),
        ("accuracy", [], (0.98, 1.0), ""),
        ("loss", [2.3, 0.6, 0.2, 0.11], (0.0, 0.2), "2 points of loss above 0.2, the highest 2.3"),
        ("loss", [2.3, 2.2, 2.2, 2.25], (0.0, 5.0), ""),
        ("loss", [2.3, 1e4, 3e4, float("nan")], (0.0, 50_000.0), ""),
        ("loss", [0.0, 0.0, 0.0, 0.0], (0.0, 0.05), ""),
    ],
)
def test_a_frame_is_where_the_later_half_lies_and_what_leaves_it_is_told(
    metric: str, values: list[float], shown: tuple[float, float], words: str
) -> None:
    x = [1.0, 2.0, 3.0, 4.0][: len(values)]
    # Points at half the way and later count: the first two of four lie before and at half.
    x = [value + (value > 2) for value in x]
    assert frames.frame(metric, x, values, ["run 1"] * len(x)) == pytest.approx(shown)
    assert frames.outside(metric, values, shown) == words


def test_every_run_has_its_own_later_half() -> None:
    long, short = [0.2, 0.9, 0.96, 0.97], [0.1, 0.5]
    x, runs = [1, 2, 5, 6, 1, 2], ["long"] * 4 + ["short"] * 2
    assert frames.frame("accuracy", x, long + short, runs) == (0.0, 1.0)
    assert frames.frame("accuracy", x[:4], long, runs[:4]) == (0.95, 1.0)
