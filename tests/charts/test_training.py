"""The charts of the Train page."""

import json
from typing import get_args

import altair as alt
import numpy as np
import pandas as pd
import pytest

from mnist_lab.charts import training as charts
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


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_the_specification_is_fixed_by_the_plan_and_valid(metric: str) -> None:
    spec = charts.curves(metric, "epochs", 12.0, (0.0, 1.0))
    assert spec is charts.curves(metric, "epochs", 12.0, (0.0, 1.0))
    assert "data" not in spec
    assert "datasets" not in spec
    alt.Chart.from_json(json.dumps({**spec, "data": {"values": []}}))
    for place, domain in (("x", [0, 12]), ("y", [0, 1])):
        domains = [layer["encoding"][place]["scale"]["domain"] for layer in spec["layer"]]
        assert domains == [domain] * len(domains), "told, for there may be no data to find it in"


def test_training_and_validation_differ_in_more_than_colour() -> None:
    marks = [layer["mark"] for layer in charts.curves("loss", "epochs", 3.0, (0.0, 2.5))["layer"]]
    shapes = {mark.get("shape") for mark in marks if mark["type"] == "point"}
    assert shapes == {"circle", "diamond"}
    assert {json.dumps(mark.get("strokeDash")) for mark in marks if mark["type"] == "line"} == {"null", "[5, 3]"}


@pytest.mark.parametrize(("axis", "at"), [("epochs", 1.4), ("batches", 14), ("seconds", 1.5), ("multiply-adds", 7.0)])
def test_the_reader_chooses_the_axis(axis: Axis, at: float) -> None:
    points = charts.curve_points(EPOCHS, BATCHES, "loss", WORK, axis, run="run 3").set_index("kind")
    assert points.loc[charts.VALIDATION, "x"].tolist()[-1] == pytest.approx(at)
    assert set(points["run"]) == {"run 3"}


@pytest.mark.parametrize("axis", get_args(Axis))
def test_several_runs_differ_in_more_than_colour(axis: Axis) -> None:
    spec = charts.curves("accuracy", axis, WORK.planned(axis) or 60.0, (0.0, 1.0), several=True)
    alt.Chart.from_json(json.dumps({**spec, "data": {"values": []}}))
    shapes = [layer["encoding"]["shape"]["field"] for layer in spec["layer"] if "shape" in layer["encoding"]]
    assert shapes == ["run"]
    legends = [layer["encoding"]["color"]["legend"] for layer in spec["layer"]]
    assert all(legends), "each is named"


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


def test_no_curve_clamps_a_place() -> None:
    """A value that is outside a frame may leave it, but never be drawn as another. Colours may be clamped, and say so."""
    for metric in ("loss", "accuracy"):
        spec = json.dumps(charts.curves(metric, "epochs", 12.0, (0.0, 0.5), clip=True))
        assert '"clamp"' not in spec
        assert spec.count('"clip": true') == 4, "both lines, both kinds of points"
