"""A confusion matrix: how many images of a digit (row) got an answer (column)."""

import functools
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.style import BLUE, GREY, INK, INK_OF_PAGE, MIDDLE, MORE_WRONG, WORDS, Spec
from mnist_lab.charts.vega import percent, upright, without_data

CLASSES = 10
FULL_COLOUR = 0.1  # of a digit's images: more mistakes of a kind are no darker


def counts(answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many images of a digit (row) got an answer (column), `(10, 10)`."""
    found = np.zeros((CLASSES, CLASSES), int)
    np.add.at(found, (labels, answers), 1)
    return found


def points(counts: np.ndarray) -> pd.DataFrame:
    """The table that both charts draw: `digit`, `answer`, `images`, `share` (of the digit's images).

    Args:
        counts: images of a digit (row) that got an answer (column), `(10, 10)`.
    """
    digits, answers = np.indices(counts.shape)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    columns = {"digit": digits, "answer": answers, "images": counts, "share": shares}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


@functools.lru_cache(maxsize=1)
def live() -> Spec:
    """The matrix as a specification without its data, which is a table of `points`: it changes with that alone."""
    chart = _cells(_base(alt.NamedData("confusion")), in_percent=False)
    return without_data(chart.properties(height=MIDDLE, width="container"))


def clickable(points: pd.DataFrame, *, in_percent: bool, first: Sequence[tuple[int, int]] = ()) -> alt.LayerChart:
    """The matrix; a click chooses a `cell`, a double click none.

    Args:
        first: digit and answer of each cell that is chosen before anybody clicks.
    """
    value = [{"digit": digit, "answer": answer} for digit, answer in first]
    chosen = alt.selection_point(
        name="cell", fields=["digit", "answer"], on="click", clear="dblclick", value=value or alt.Undefined
    )
    base = _base(points)
    frames = (
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(
            stroke=alt.condition(chosen, alt.value(BLUE), alt.value(GREY), empty=False),
            strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0.2), empty=False),
        )
        .add_params(chosen)
    )
    chart: alt.LayerChart = (_cells(base, in_percent=in_percent) + frames).properties(height=380)
    return chart


def _base(data: Any) -> alt.Chart:
    return alt.Chart(data).encode(
        x=alt.X("answer:O", title="answer", axis=upright(orient="top")),
        y=alt.Y("digit:O", title="digit", axis=alt.Axis(labelOverlap=False)),
        tooltip=["digit:O", "answer:O", "images:Q", percent("share", "of the digit")],
    )


def _cells(base: alt.Chart, *, in_percent: bool) -> alt.LayerChart:
    """Right answers are grey, wrong ones the darker the more there are."""
    scale = alt.Scale(type="sqrt", domain=[0, FULL_COLOUR], clamp=True, range=list(MORE_WRONG))
    text = alt.Text("share:Q", format=".1%") if in_percent else alt.Text("images:Q", format=",")
    is_right, any_image = "datum.digit === datum.answer", base.transform_filter("datum.images > 0")
    right = base.transform_filter(is_right).mark_rect(fill=GREY, fillOpacity=0.25)
    wrong = any_image.transform_filter(f"!({is_right})").mark_rect(aria=False)  # there may be none
    words = any_image.mark_text(**WORDS).encode(
        text=text, color=alt.condition(is_right, alt.value(INK_OF_PAGE), alt.value(INK))
    )
    chart: alt.LayerChart = right + wrong.encode(color=alt.Color("share:Q", legend=None, scale=scale)) + words
    return chart
