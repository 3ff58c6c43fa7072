"""The charts of the Train page."""

import json

import altair as alt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_lab.charts import training as charts
from mnist_lab.charts.style import Spec, look
from mnist_lab.charts.training import Line
from mnist_lab.charts.work import Axis, Work
from mnist_lab.training.reports import Snapshot

WORK = Work(steps_per_epoch=10, planned_steps=30, multiply_adds=0.5)
BATCHES = pd.DataFrame({"point": [0, 1], "step": [5, 10], "loss": [2.0, 1.0], "accuracy": [0.2, 0.6], "seconds": 1.0})
EPOCHS = pd.DataFrame(
    {
        "epoch": [1, 2],
        "steps": [10, 4],
        "loss": [1.5, 0.9],
        "accuracy": [0.4, 0.7],
        "validation_loss": [1.1, 0.8],
        "validation_accuracy": [0.65, 0.75],
        "seconds": [1.0, 0.5],
    }
)


def test_points_lie_where_training_was() -> None:
    points = charts.curve_points(EPOCHS, BATCHES, "accuracy", WORK, "epochs")
    kinds = points.groupby("kind")
    assert kinds.get_group(charts.BATCHES)["x"].tolist() == [0.5, 1.0]
    assert kinds.get_group(charts.VALIDATION)["x"].tolist() == pytest.approx([1.0, 1.4])  # the second epoch was stopped
    assert kinds.get_group(charts.VALIDATION)["value"].tolist() == [0.65, 0.75]
    assert kinds.get_group(charts.EPOCHS)["value"].tolist() == [0.4, 0.7]


def test_before_the_first_report_there_is_an_empty_table() -> None:
    assert charts.curve_points(EPOCHS[:0], BATCHES[:0], "loss", WORK, "epochs").empty


LINES = (Line("3x3", look(0)), Line("2x2 · 4 epochs", look(1)), Line("fast [a.b]", look(2)))


def layers(spec: Spec, mark: str) -> list[Spec]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
@pytest.mark.parametrize("lines", [LINES[:1], LINES])
def test_the_specification_is_fixed_by_the_plan_and_valid(metric: str, lines: tuple[Line, ...]) -> None:
    spec = charts.curves(metric, "epochs", 12.0, (0.0, 1.0), lines)
    assert spec is charts.curves(metric, "epochs", 12.0, (0.0, 1.0), lines)
    assert "data" not in spec
    assert "datasets" not in spec
    alt.Chart.from_json(json.dumps({**spec, "data": {"values": []}}))
    for place, domain in (("x", [0, 12]), ("y", [0, 1])):
        domains = [layer["encoding"][place]["scale"]["domain"] for layer in spec["layer"] if place in layer["encoding"]]
        assert domains == [domain] * len(domains), "told, for there may be no data to find it in"


def test_training_and_validation_differ_in_more_than_colour() -> None:
    spec = charts.curves("loss", "epochs", 3.0, (0.0, 2.5), LINES[:1])
    thin, thick = (layer["mark"]["strokeWidth"] for layer in layers(spec, "line"))
    assert thick >= 2 * thin
    filters = [layer["transform"][0]["filter"]["equal"] for layer in layers(spec, "point")]
    assert filters == [charts.EPOCHS, charts.VALIDATION], "what was measured has points, and nothing else"
    assert [layer["mark"]["filled"] for layer in layers(spec, "point")] == [False, True]


def test_a_run_has_the_look_of_its_design_in_colour_dash_and_shape() -> None:
    spec = charts.curves("accuracy", "epochs", 3.0, (0.0, 1.0), LINES)
    _, validation = layers(spec, "line")
    looks = [line.look for line in LINES]
    for place, values in (
        ("color", [each.colour for each in looks]),
        ("strokeDash", [list(each.dash) or [1, 0] for each in looks]),
    ):
        assert validation["encoding"][place]["scale"] == {"domain": [line.label for line in LINES], "range": values}
    assert layers(spec, "point")[0]["encoding"]["shape"]["scale"]["range"] == [each.shape for each in looks]
    assert "legend" not in json.dumps({**spec, "config": {}}).replace('"legend": null', "")


def test_lines_are_named_at_their_ends_with_their_values() -> None:
    one = charts.curve_points(EPOCHS, BATCHES, "accuracy", WORK, "epochs", run="3x3")
    named = charts.ends(one, (0.0, 1.0), "accuracy")
    assert dict(zip(named["words"], named["value"], strict=True)) == {
        "training\n70.00 %": 0.7,
        "validation\n75.00 %": 0.75,
    }, "of the whole epoch, once it has ended"
    begun = pd.concat([BATCHES, BATCHES[:1].assign(step=15, accuracy=0.9)], ignore_index=True)
    later = charts.curve_points(EPOCHS, begun, "accuracy", WORK, "epochs", run="3x3")
    assert "training\n90.00 %" in set(charts.ends(later, (0.0, 1.0), "accuracy")["words"]), "of the newest batches"
    other = charts.curve_points(EPOCHS[:0], BATCHES, "accuracy", WORK, "epochs", run="2x2")
    both = charts.ends(pd.concat([one, other]), (0.0, 1.0), "accuracy")
    assert set(both["words"]) == {"3x3\n75.00 %", "2x2\n60.00 %"}, "training where there is no more"
    assert set(named["kind"]) == {charts.ENDS}
    assert list(named.columns) == list(one.columns)


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=6), st.floats(0, 0.9))
def test_no_name_lies_on_another_and_all_are_within_and_in_order(values: list[float], low: float) -> None:
    places = charts.apart(np.array(values), (low, 1.0))
    least = min(0.17, 1 / len(values)) * (1 - low)
    ordered = places[np.argsort(values, kind="stable")]
    assert (np.diff(ordered) > least - 1e-9).all()
    assert ordered[-1] <= 1 + 1e-9
    assert ordered[0] >= low - 1e-9


def test_a_name_far_from_others_stands_at_its_value() -> None:
    assert charts.apart(np.array([0.9, 0.1, 0.5]), (0.0, 1.0)).tolist() == [0.9, 0.1, 0.5]


@pytest.mark.parametrize(("axis", "at"), [("epochs", 1.4), ("batches", 14), ("seconds", 1.5), ("multiply-adds", 7.0)])
def test_the_reader_chooses_the_axis(axis: Axis, at: float) -> None:
    points = charts.curve_points(EPOCHS, BATCHES, "loss", WORK, axis, run="run 3").set_index("kind")
    assert points.loc[charts.VALIDATION, "x"].tolist()[-1] == pytest.approx(at)
    assert set(points["run"]) == {"run 3"}


def snapshot() -> Snapshot:
    probabilities = np.zeros((3, 10), np.uint8)
    probabilities[:, 4] = 255
    confusion = np.diag(np.full(10, 9)).astype(np.int32)
    confusion[2, 7] = 1
    return Snapshot(confusion, probabilities, np.array([[1.0, -0.5], [0.0, 0.25]]).reshape(2, 2, 1, 1))


def test_one_digit_is_followed_through_the_epochs() -> None:
    points = charts.followed_points({1: snapshot(), 5: snapshot()}, 2, 5)
    assert points.loc[points["framed"], "epoch"].tolist() == [5]
    assert points[points["probability"] == 1.0][["epoch", "digit"]].to_numpy().tolist() == [[1, 4], [5, 4]]
    alt.Chart.from_json(json.dumps({**charts.followed(), "data": {"values": []}}))


def test_a_part_of_an_epoch_is_a_number_and_no_thousandth() -> None:
    axes: tuple[Axis, ...] = ("epochs", "batches", "seconds")
    for axis in axes:
        spec = charts.curves("loss", axis, 3.0, (0.0, 1.0), (Line("a", look(0)),))
        assert spec["layer"][0]["encoding"]["x"]["axis"]["format"] == ",~f", "0.025, and not 25m"


def test_no_curve_clamps_a_place() -> None:
    """A value that is outside a frame may leave it, but never be drawn as another. Colours may be clamped, and say so."""
    for metric in ("loss", "accuracy"):
        spec = json.dumps(charts.curves(metric, "epochs", 12.0, (0.0, 0.5), LINES[:1]))
        assert '"clamp"' not in spec
        assert spec.count('"clip": true') == 4, "both lines, both kinds of points"


@pytest.mark.parametrize("lines", [LINES[:1], LINES])
def test_on_the_stage_there_is_validation_alone_without_tooltips_and_each_run_is_named(lines: tuple[Line, ...]) -> None:
    spec = charts.curves("accuracy", "epochs", 12.0, (0.8, 1.0), lines, is_staged=True)
    alt.Chart.from_json(json.dumps({**spec, "data": {"values": []}}))
    words = json.dumps(spec)
    assert "tooltip" not in words
    assert "params" not in words
    assert charts.BATCHES not in words
    (leaders,) = layers(spec, "rule")
    assert leaders["mark"]["strokeDash"], "it is not taken for what was measured"
    points = charts.curve_points(EPOCHS, BATCHES, "accuracy", WORK, "epochs", run=lines[0].label)
    validation = points[points["kind"] == charts.VALIDATION]
    (words,) = charts.ends(validation, (0.0, 1.0), "accuracy", is_staged=True)["words"]
    assert words == "3x3\n75.00 %"
