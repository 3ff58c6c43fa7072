"""The charts of the Results, Run and Compare pages."""

import json
from typing import Any

import pandas as pd
import pytest

from mnist_lab.charts import results
from mnist_lab.charts.style import Look, look
from mnist_lab.data import notebook


def looks(*sides: str) -> dict[str, Look]:
    return {side: look(number) for number, side in enumerate(sides)}


def domains(spec: dict, axis: str) -> list:
    encodings = [layer["encoding"].get(axis, {}) for layer in spec["layer"]]
    return [encoding["scale"]["domain"] for encoding in encodings if "scale" in encoding]


def test_the_axis_of_seeds_has_room_for_their_intervals_and_ends_where_a_share_does() -> None:
    seeds = pd.DataFrame({"side": ["A: x", "A: x", "B: y"], "seed": [1, 2, 1], "value": [0.42, 0.46, 0.99]}).assign(
        mean=[0.44, 0.44, 0.99], low=[0.0, 0.0, float("nan")], high=[0.936, 0.936, float("nan")]
    )
    ((low, high),) = {
        tuple(domain)
        for domain in domains(results.spreads(seeds, "test accuracy", looks("A: x", "B: y")).to_dict(), "x")
    }
    assert low == 0.0
    assert 0.99 < high <= 1.0


@pytest.mark.parametrize("axis", ["x", "y"])
def test_every_layer_over_accuracies_has_their_scale(axis: str) -> None:
    points = pd.DataFrame({"side": ["A", "A"], "seed": [1, 2], "value": [0.991, 0.992]})
    points = points.assign(
        mean=0.9915, low=0.99, high=0.993, run=[1, 2], name="a", seeds=2, seconds=[1.0, 2.0], front=True
    )
    points = points.assign(colour="#0072B2", shape="circle")
    spec = (
        results.spreads(points, "test accuracy", looks("A"))
        if axis == "x"
        else results.costs(points.assign(accuracy=points["value"]), "seconds", "seconds", "accuracy", None)
    ).to_dict()
    of_data = [layer for layer in spec["layer"] if "field" in layer["encoding"][axis]]
    assert len(domains(spec, axis)) == len(of_data), "the scale of a layer without one would begin at 0"
    assert len({tuple(domain) for domain in domains(spec, axis)}) == 1
    assert domains(spec, axis)[0][0] > 0.98


def test_every_side_of_a_verdict_has_its_whole_name_its_look_and_room_for_its_seeds() -> None:
    sides = [f"{letter}: {'a' * 60}" for letter in "ABCDEF"]
    seeds = pd.DataFrame({"side": sides, "seed": 1, "value": 0.5, "mean": 0.5, "low": 0.4, "high": 0.6})
    drawn = results.spreads(seeds, "test accuracy", looks(*sides)).to_dict()
    assert drawn["height"] >= 60 + 80 * len(sides), "Streamlit counts the axis into the height"
    names = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "text")
    assert names["encoding"]["text"]["field"] == "side"
    assert "limit" not in names["mark"]
    points = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "point")["encoding"]
    assert points["color"]["scale"] == {"domain": sides, "range": [look(i).colour for i in range(6)]}
    assert points["shape"]["scale"] == {"domain": sides, "range": [look(i).shape for i in range(6)]}


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.0, 0.95)])
def test_the_axis_of_accuracy_against_cost_stays_within_0_and_100_percent(low: float, high: float) -> None:
    points = pd.DataFrame(
        {"run": [1], "name": ["a"], "seeds": [2], "seconds": [0.0], "accuracy": [0.93], "low": [low], "high": [high]}
    ).assign(front=True, colour="#0072B2", shape="circle")
    spec = results.costs(points, "seconds", "seconds", "accuracy", None).to_dict()
    for domain in domains(spec, "y"):
        assert 0 <= domain[0] <= low < high <= domain[1] <= 1
    scales = [layer["encoding"]["x"]["scale"]["type"] for layer in spec["layer"]]
    assert set(scales) == {"linear"}, "nothing is 0 on a logarithmic axis"


def test_curves_of_accuracy_end_at_100_percent() -> None:
    points = pd.DataFrame({"side": ["a", "a"], "run": 1, "seed": 1, "x": [1, 2], "validation_accuracy": [0.98, 1.0]})
    spec = results.compared(points, "epochs", "validation_accuracy", "accuracy", looks("a")).to_dict()
    assert {tuple(domain) for domain in domains(spec, "y")} == {(0.979, 1.0)}


def test_the_notebooks_log_stands_beside_our_runs() -> None:
    ours = pd.DataFrame({"name": ["3x3"], "run_id": [7], "epoch": [1], "validation_accuracy": [0.94]})
    points = results.reproduction_points("3x3", notebook.epochs(), ours)
    assert points.groupby("line")["value"].count().to_dict() == {"notebook": 12, "run 7": 1}
    drawn = results.reproduction("3x3", (0.9, 1.0))
    assert {tuple(domain) for domain in domains(drawn, "y")} == {(0.9, 1.0)}
    assert '"clamp"' not in json.dumps(drawn), "a value outside may leave the frame, but never be drawn as another"


def test_accuracies_of_each_digit_are_told_apart_by_shape_where_several_are_compared() -> None:
    points = pd.DataFrame({"digit": [0, 1], "accuracy": [0.9, 0.95], "side": "A"})
    alone = results.by_digit(points, looks("A")).to_dict()["encoding"]
    assert alone["shape"]["legend"] is None
    both = results.by_digit(pd.concat([points, points.assign(side="B")]), looks("A", "B")).to_dict()["encoding"]
    assert both["shape"]["legend"]
    assert both["shape"]["scale"]["domain"] == ["A", "B"]


def cost_chart(**columns: Any) -> dict:
    points = pd.DataFrame(
        {"run": [1], "name": "a", "seeds": 2, "accuracy": 0.9768, "low": 0.97, "high": 0.98} | columns
    )
    points = points.assign(front=True, colour="#0072B2", shape="circle")
    cost = "seconds" if "seconds" in columns else "parameters"
    return results.costs(points, cost, cost, "accuracy", None).to_dict()


def test_costs_are_written_with_separators_and_each_point_says_what_it_is() -> None:
    drawn = cost_chart(parameters=[67914.0])
    marks = next(layer for layer in drawn["layer"] if "description" in layer["encoding"])
    assert marks["encoding"]["x"]["axis"]["format"] == ",~f"
    silent = [layer["mark"]["type"] for layer in drawn["layer"] if layer["mark"].get("aria") is False]
    assert silent == ["rule", "line", "point"], "interval, front and rings: each design is said once"
    assert [entry["format"] for entry in marks["encoding"]["tooltip"] if entry.get("title") == "parameters"] == [",.0f"]
    (row,) = drawn["datasets"][drawn["layer"][0].get("data", drawn.get("data"))["name"]]
    assert row[marks["encoding"]["description"]["field"]] == "a: 97.68% at 67,914 parameters"
    point = pd.Series({"accuracy": 0.9768, "seconds": 1234.56})
    assert results.amount(point, "seconds", "seconds per run") == "97.68% at 1,234.6 seconds per run"


def test_a_single_design_is_in_the_middle_and_its_name_in_the_chart() -> None:
    drawn = cost_chart(parameters=[1000.0])
    assert drawn["layer"][0]["encoding"]["x"]["scale"]["domain"] == [800.0, 1200.0]
    (row,) = next(iter(drawn["datasets"].values()))
    assert row["align"] == "center"
    names = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "text")
    assert "width" in names["mark"]["limit"]["expr"], "a name that stuck out would make the plot narrow"


def test_on_a_narrow_chart_only_letters_stand_beside_the_lines_and_legends_wrap() -> None:
    points = pd.DataFrame({"side": ["A: x", "B: y: z"] * 2, "run": [1, 2] * 2, "seed": 1, "x": [1, 1, 2, 2]})
    drawn = results.compared(points.assign(loss=0.5), "epochs", "loss", "loss", looks("A: x", "B: y: z")).to_dict()
    names = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "text")
    assert {row["short"] for row in drawn["datasets"][names["data"]["name"]]} == {"A 0.5000", "B 0.5000"}
    assert "datum.short : datum.label" in names["mark"]["text"]["expr"]
    digits = pd.DataFrame({"digit": [0, 0], "accuracy": 0.9, "side": ["A", "B"]})
    legend = results.by_digit(digits, looks("A", "B")).to_dict()["encoding"]["color"]["legend"]
    assert legend["orient"] == "bottom"
    assert "width" in legend["columns"]["expr"]


def test_seeds_with_equal_values_lie_side_by_side() -> None:
    seeds = pd.DataFrame({"side": ["A"] * 4 + ["B"] * 6, "value": [0.99, 0.98, 0.99, 0.97] + [0.99] * 6})
    shift = results._beside_equal(seeds).tolist()
    assert shift[:4] == [-5.5, 0.0, 5.5, 0.0]
    assert (len(set(shift[4:])), shift[4], shift[9]) == (6, -16.5, 16.5), "and none leaves the row"


def test_a_budget_is_a_line_with_its_word() -> None:
    points = pd.DataFrame(
        {"run": [1], "name": "a", "seeds": 2, "seconds": 3.0, "accuracy": 0.9, "low": 0.8, "high": 1.0}
    )
    points = points.assign(colour="#0072B2", shape="circle")
    without, with_one = (
        results.costs(points.assign(front=True), "seconds", "seconds", "accuracy", budget).to_dict()
        for budget in (None, 5.0)
    )
    rule, word = with_one["layer"][len(without["layer"]) :]
    assert rule["mark"]["type"] == "rule"
    assert word["encoding"]["text"]["field"] == "label"


def test_sides_that_are_compared_are_told_apart_by_shape_and_dash_too_and_named_where_their_lines_end() -> None:
    points = pd.DataFrame({"side": ["a", "b"] * 2, "run": [1, 2] * 2, "seed": 1, "x": [1, 1, 2, 2]})
    points = points.assign(loss=[0.9, 0.8, 0.5, 0.5])
    drawn = results.compared(points, "epochs", "loss", "loss", looks("a", "b")).to_dict()
    line, marks, _dots, names = drawn["layer"]
    sides = ["a", "b"]
    assert marks["encoding"]["shape"]["scale"]["domain"] == line["encoding"]["color"]["scale"]["domain"] == sides
    assert line["encoding"]["strokeDash"]["scale"]["range"] == [[1, 0], [8, 4]]
    rows = drawn["datasets"][names["data"]["name"]]
    assert {row["label"] for row in rows} == {"a · 0.5000", "b · 0.5000"}
    low, high = sorted(row["place"] for row in rows)
    assert high - low >= 0.05, "equal values: one name would lie on the other"
    assert not [layer for layer in drawn["layer"] if (layer["encoding"].get("color") or {}).get("legend")]


@pytest.mark.parametrize("count", [2, 12])
def test_designs_are_named_where_no_other_name_is_and_the_best_first(count: int) -> None:
    points = pd.DataFrame({"run": range(count), "seeds": 1, "seconds": [10.0 + i for i in range(count)]}).assign(
        name=[f"design {i}" for i in range(count)], accuracy=[0.99 - 0.0001 * (i % 2) for i in range(count)]
    )
    points = points.assign(low=points["accuracy"], high=points["accuracy"], front=points["run"] == 0)
    drawn = results.costs(
        points.assign(colour="#0072B2", shape="circle"), "seconds", "seconds", "accuracy", None
    ).to_dict()
    labels = [row["label"] for row in next(iter(drawn["datasets"].values()))]
    assert labels[0] == "design 0"
    if count == 2:
        assert labels[1] == "design 1"
    else:
        assert labels.count("") > 3


def test_the_axis_of_accuracy_against_cost_is_whole_where_one_wants_it() -> None:
    points = pd.DataFrame(
        {"run": [1], "name": "a", "seeds": 2, "seconds": 3.0, "accuracy": 0.9, "low": 0.8, "high": 1.0}
    )
    points = points.assign(front=True, colour="#0072B2", shape="circle")
    drawn = results.costs(points, "seconds", "seconds", "accuracy", None, whole=True).to_dict()
    assert {tuple(domain) for domain in domains(drawn, "y")} == {(0.0, 1.0)}
    marks = drawn["layer"][3]["encoding"]
    assert (marks["color"]["field"], marks["color"]["scale"]) == ("colour", None), "the design's own, not of a scale"
