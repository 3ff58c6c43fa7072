"""Confusion matrices, their counts and their two charts."""

import json

import altair as alt
import numpy as np
import pytest

from mnist_lab.charts import confusion


def test_images_are_counted_by_digit_and_answer() -> None:
    counts = confusion.counts(answers=np.array([1, 1, 2]), labels=np.array([1, 2, 2]))
    assert (counts[1, 1], counts[2, 1], counts[2, 2], counts.sum()) == (1, 1, 1, 3)


def matrix() -> np.ndarray:
    counts = np.diag(np.full(10, 9)).astype(np.int32)
    counts[2, 7] = 1
    return counts


def test_every_cell_has_its_count_and_its_share_of_the_digit() -> None:
    points = confusion.points(matrix()).set_index(["digit", "answer"])
    assert len(points) == 100
    assert points.loc[(2, 7)].to_dict() == {"images": 1, "share": 0.1}
    assert confusion.points(np.zeros((10, 10), int))["share"].eq(0).all(), "before there are any images"


def test_both_charts_draw_the_same_matrix() -> None:
    live, clickable = confusion.live(), confusion.clickable(confusion.points(matrix()), in_percent=False).to_dict()
    assert "data" not in live
    alt.Chart.from_json(json.dumps({**live, "data": {"values": []}}))
    for one, other in zip(live["layer"], clickable["layer"], strict=False):
        assert one["encoding"] == other["encoding"]
        assert one["transform"] == other["transform"]
    (chosen,) = clickable["params"]
    assert (chosen["name"], chosen["select"]["fields"]) == ("cell", ["digit", "answer"])


@pytest.mark.parametrize(("in_percent", "column"), [(True, "share"), (False, "images")])
def test_a_cell_says_its_count_or_its_share(in_percent: bool, column: str) -> None:
    spec = confusion.clickable(confusion.points(matrix()), in_percent=in_percent).to_dict()
    assert [layer["encoding"]["text"]["field"] for layer in spec["layer"] if "text" in layer["encoding"]] == [column]
