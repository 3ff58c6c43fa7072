"""The charts of the Results, Run and Compare pages."""

import json

import pandas as pd
import pytest

from mnist_lab.charts import results
from mnist_lab.data import notebook


def domains(spec: dict, axis: str) -> list:
    encodings = [layer["encoding"].get(axis, {}) for layer in spec["layer"]]
    return [encoding["scale"]["domain"] for encoding in encodings if "scale" in encoding]


def test_the_axis_of_seeds_has_room_for_their_intervals_and_ends_where_a_share_does() -> None:
    seeds = pd.DataFrame({"side": ["A: x", "A: x", "B: y"], "seed": [1, 2, 1], "value": [0.42, 0.46, 0.99]}).assign(
        mean=[0.44, 0.44, 0.99], low=[0.0, 0.0, float("nan")], high=[0.936, 0.936, float("nan")]
    )
    ((low, high),) = {tuple(domain) for domain in domains(results.spreads(seeds, "test accuracy").to_dict(), "x")}
    assert low == 0.0
    assert 0.99 < high <= 1.0


@pytest.mark.parametrize("axis", ["x", "y"])
def test_every_layer_over_accuracies_has_their_scale(axis: str) -> None:
    points = pd.DataFrame({"side": ["A", "A"], "seed": [1, 2], "value": [0.991, 0.992]})
    points = points.assign(mean=0.9915, low=0.99, high=0.993, run=[1, 2], name="a", n=2, seconds=[1.0, 2.0], front=True)
    spec = (
        results.spreads(points, "test accuracy")
        if axis == "x"
        else results.costs(points.assign(accuracy=points["value"]), "seconds", "seconds", "accuracy", None)
    ).to_dict()
    assert len(domains(spec, axis)) == len(spec["layer"]), "the scale of a layer without one would begin at 0"
    assert len({tuple(domain) for domain in domains(spec, axis)}) == 1
    assert domains(spec, axis)[0][0] > 0.98


def test_every_side_of_a_verdict_has_its_label_and_room_for_its_seeds_on_a_small_screen() -> None:
    sides = [f"{letter}: {'a' * 60}" for letter in "ABCDEF"]
    seeds = pd.DataFrame({"side": sides, "seed": 1, "value": 0.5, "mean": 0.5, "low": 0.4, "high": 0.6})
    drawn = results.spreads(seeds, "test accuracy").to_dict()
    axis = drawn["layer"][0]["encoding"]["y"]["axis"]
    assert not axis["labelOverlap"], "Vega would leave out every second one"
    assert axis["labelLimit"] <= 120
    assert drawn["height"] >= 60 + 30 * len(sides), "Streamlit counts the axis into the height"


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.0, 0.95)])
def test_the_axis_of_accuracy_against_cost_stays_within_0_and_100_percent(low: float, high: float) -> None:
    points = pd.DataFrame(
        {"run": [1], "name": ["a"], "n": [2], "seconds": [0.0], "accuracy": [0.93], "low": [low], "high": [high]}
    ).assign(front=True)
    spec = results.costs(points, "seconds", "seconds", "accuracy", None).to_dict()
    for domain in domains(spec, "y"):
        assert 0 <= domain[0] <= low < high <= domain[1] <= 1
    scales = [layer["encoding"]["x"]["scale"]["type"] for layer in spec["layer"]]
    assert set(scales) == {"linear"}, "nothing is 0 on a logarithmic axis"


def test_curves_of_accuracy_end_at_100_percent() -> None:
    points = pd.DataFrame({"side": ["a", "a"], "run": 1, "seed": 1, "x": [1, 2], "validation_accuracy": [0.98, 1.0]})
    spec = results.compared(points, "epochs", "validation_accuracy", "accuracy", ["a"]).to_dict()
    assert {tuple(domain) for domain in domains(spec, "y")} == {(0.979, 1.0)}


def test_the_notebooks_log_stands_beside_our_runs() -> None:
    ours = pd.DataFrame({"name": ["3x3"], "run_id": [7], "epoch": [1], "validation_accuracy": [0.94]})
    points = results.reproduction_points("3x3", notebook.epochs(), ours)
    assert points.groupby("line")["value"].count().to_dict() == {"notebook": 12, "run 7": 1}
    drawn = results.reproduction("3x3", points, (0.9, 1.0)).to_dict()
    assert {tuple(domain) for domain in domains(drawn, "y")} == {(0.9, 1.0)}
    assert '"clamp"' not in json.dumps(drawn), "a value outside may leave the frame, but never be drawn as another"


def test_accuracies_of_each_digit_are_told_apart_by_shape_where_several_are_compared() -> None:
    points = pd.DataFrame({"digit": [0, 1], "accuracy": [0.9, 0.95], "side": "A"})
    alone = results.by_digit(points, ["A"]).to_dict()["encoding"]
    assert alone["shape"]["legend"] is None
    both = results.by_digit(pd.concat([points, points.assign(side="B")]), ["A", "B"]).to_dict()["encoding"]
    assert both["shape"]["legend"]
    assert both["shape"]["scale"]["domain"] == ["A", "B"]


def test_a_budget_is_a_line_with_its_word() -> None:
    points = pd.DataFrame({"run": [1], "name": "a", "n": 2, "seconds": 3.0, "accuracy": 0.9, "low": 0.8, "high": 1.0})
    without, with_one = (
        results.costs(points.assign(front=True), "seconds", "seconds", "accuracy", budget).to_dict()
        for budget in (None, 5.0)
    )
    rule, word = with_one["layer"][len(without["layer"]) :]
    assert rule["mark"]["type"] == "rule"
    assert word["encoding"]["text"]["field"] == "label"


def test_sides_that_are_compared_are_told_apart_by_shape_too() -> None:
    points = pd.DataFrame({"side": ["a", "b"], "run": [1, 2], "seed": [1, 1], "x": [1, 1], "loss": [0.9, 0.8]})
    line, marks = results.compared(points, "epochs", "loss", "loss", ["a", "b"]).to_dict()["layer"]
    assert marks["encoding"]["shape"]["scale"]["domain"] == line["encoding"]["color"]["scale"]["domain"] == ["a", "b"]
