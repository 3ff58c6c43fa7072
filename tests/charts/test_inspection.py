"""The charts of the Inspect page."""

import numpy as np
import pandas as pd
import pytest

from mnist_lab.charts import inspection
from mnist_lab.charts.style import look


def test_calibration_is_certainty_against_how_often_it_was_right() -> None:
    probabilities = np.full((200, 10), 0.01)
    probabilities[:100, 3], probabilities[100:, 4] = 0.91, 0.55
    labels = np.array([3] * 90 + [0] * 10 + [4] * 80 + [0] * 20)
    points = inspection.calibration_points(probabilities, labels)
    assert points["accuracy"].tolist() == [0.8, 0.9]
    assert points["certainty"].tolist() == pytest.approx([0.55, 0.91])
    assert inspection.calibration_error(points) == pytest.approx((0.25 + 0.01) / 2)
    drawn = inspection.calibration(points).to_dict()
    diagonal = drawn["datasets"][drawn["layer"][0]["data"]["name"]]
    assert diagonal == [{"x": 0, "y": 0}, {"x": 1, "y": 1}]


def test_a_map_without_a_value_is_white_and_a_click_chooses_a_cell() -> None:
    spec = inspection.cells(np.zeros((3, 4)), 0.0, (2, 1)).to_dict()
    low, middle, high = spec["encoding"]["color"]["scale"]["domain"]
    assert low < middle == 0 < high, "else 0 would have no colour of its own"
    assert (spec["params"][0]["name"], spec["params"][0]["select"]["fields"]) == ("cell", ["row", "column"])
    assert spec["params"][0]["value"] == [{"row": 2, "column": 1}], "which is marked before anybody clicks"
    assert len(next(iter(spec["datasets"].values()))) == 12
    assert (spec["height"], spec["width"]) == (120, 160), "a small map is as large as it may be"


def test_each_digit_of_the_landscape_has_a_colour_of_its_own_and_says_how_much_an_axis_explains() -> None:
    points = pd.DataFrame({"x": 0.0, "y": 0.0, "digit": ["0"], "answer": ["0"], "number": 0, "image": ""})
    encoding = inspection.landscape(points, np.array([0.42, 0.13])).to_dict()["encoding"]
    assert "42%" in encoding["x"]["title"]
    assert "13%" in encoding["y"]["title"]
    colours, shapes = (encoding[name]["scale"]["range"] for name in ("color", "shape"))
    assert len(set(zip(colours, shapes, strict=True))) == 10


def test_where_nothing_is_changed_there_is_a_dashed_line() -> None:
    points = pd.DataFrame({"network": ["a", "b"], "strength": [0.0, 0.0], "accuracy": [0.5, 0.6]})
    spec = inspection.curves(points, "rotation (degrees)", 15.0, {"a": look(0), "b": look(1)}).to_dict()
    (rule,) = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rule"]
    assert spec["datasets"][rule["data"]["name"]] == [{"strength": 15.0}]
    ranges = {
        channel: layer["encoding"][channel]["scale"]["range"]
        for layer in spec["layer"]
        for channel in ("color", "shape", "strokeDash")
        if channel in layer["encoding"]
    }
    assert ranges["color"] == [look(0).colour, look(1).colour]
    assert ranges["shape"] == [look(0).shape, look(1).shape], "told apart without colour too"
    assert ranges["strokeDash"] == [[1, 0], list(look(1).dash)]


def domains(spec: dict, axis: str) -> list:
    return [layer["encoding"][axis]["scale"]["domain"] for layer in spec["layer"] if axis in layer["encoding"]]


def test_a_filter_that_is_better_off_stays_in_the_frame() -> None:
    points = pd.DataFrame({"channel": [0, 1], "accuracy": [0.5, 0.7]})
    spec = inspection.ablations(points, 0.6).to_dict()
    assert all(domain[0] <= 0.5 and domain[1] >= 0.7 for domain in domains(spec, "y"))
