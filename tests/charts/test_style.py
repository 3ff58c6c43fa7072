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


def test_a_presentation_enlarges_type_lines_points_and_heights() -> None:
    spec = {
        "height": 200,
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 3, "strokeDash": [4, 2], "point": {"size": 60}}},
            {"mark": {"type": "text", "dx": -5, "align": "left"}},
            {"mark": {"type": "tick", "size": 36, "opacity": 0.5}},
            {"mark": "rule"},
        ],
    }
    usual, large = style.enlarged(spec, 1.0), style.enlarged(spec, 1.5)
    assert usual["layer"] == spec["layer"]
    assert usual["height"] == 200
    assert large["height"] == 300
    assert [layer["mark"] for layer in large["layer"]] == [
        {"type": "line", "strokeWidth": 4.5, "strokeDash": [6, 3], "point": {"size": 135}},
        {"type": "text", "dx": -7.5, "align": "left"},
        {"type": "tick", "size": 54, "opacity": 0.5},
        "rule",
    ]
    for name in ("axis", "legend"):
        assert usual["config"][name]["labelFontSize"] >= 14
        assert large["config"][name]["labelFontSize"] == 1.5 * usual["config"][name]["labelFontSize"]
    assert large["params"] == [{"name": style.SCALE, "value": 1.5}]
