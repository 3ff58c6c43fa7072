"""The chart of how well networks read people's own digits."""

import pandas as pd

from mnist_lab.charts.own_digits import by_digit
from mnist_lab.charts.style import look

POINTS = pd.DataFrame(
    [
        {"network": name, "digit": digit, "accuracy": 0.5, "low": 0.2, "high": 0.8, "right": 2, "of": 4}
        for name in ("a", "b")
        for digit in (0, 7)
    ]
)


def test_networks_stand_beside_each_other_over_all_ten_digits_and_are_told_apart_without_colour() -> None:
    spec = by_digit(POINTS, {"a": look(0), "b": look(1)}).to_dict()
    rules, marks = spec["layer"]
    assert rules["encoding"]["x"]["scale"]["domain"] == list(range(10))
    assert rules["encoding"]["xOffset"]["scale"]["domain"] == ["a", "b"]
    assert (rules["encoding"]["y"]["field"], rules["encoding"]["y2"]["field"]) == ("low", "high")
    assert marks["encoding"]["shape"]["scale"]["range"] == [look(0).shape, look(1).shape]
    assert marks["encoding"]["y"]["scale"]["domain"] == [0, 1], "so that intervals are seen whole"


def test_a_single_network_needs_no_legend() -> None:
    (rules, marks) = by_digit(POINTS[POINTS["network"] == "a"], {"a": look(0)}).to_dict()["layer"]
    assert rules["encoding"]["color"]["legend"] is None
    assert marks["encoding"]["shape"]["legend"] is None
