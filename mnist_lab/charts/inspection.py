"""The charts of the Inspect page: tables in, Vega-Lite specifications and Altair charts out."""

from collections.abc import Mapping
from typing import Any, TypeVar

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.confusion import CLASSES
from mnist_lab.charts.style import CATEGORIES, DIVERGING, LOW, MIDDLE, POINT, REFERENCE, SHAPES, Look
from mnist_lab.charts.vega import accuracy, legend, percent, shares, upright

Channel = TypeVar("Channel", alt.Color, alt.Shape, alt.StrokeDash)
_ALL = (0.0, 1.0)


def calibration_points(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """How often answers of similar confidence are right: `certainty` (their mean confidence), `accuracy`, `images`, for each bin
    that has any.

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017, section 2.
    """
    sure, right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == labels
    places = np.minimum((sure * bins).astype(int), bins - 1)
    rows = [
        {
            "certainty": sure[places == b].mean(),
            "accuracy": right[places == b].mean(),
            "images": int((places == b).sum()),
        }
        for b in range(bins)
        if (places == b).any()
    ]
    return pd.DataFrame(rows)


def calibration_error(points: pd.DataFrame) -> float:
    """Mean distance of confidence and accuracy over all images: the expected calibration error of that paper."""
    return float(np.average((points["certainty"] - points["accuracy"]).abs(), weights=points["images"]))


def calibration(points: pd.DataFrame) -> alt.LayerChart:
    """Accuracy against confidence, a reliability diagram: on the diagonal both agree."""
    diagonal = alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]})).mark_line(**REFERENCE).encode(x="x:Q", y="y:Q")
    marks = (
        alt.Chart(points)
        .mark_line(point=alt.OverlayMarkDef(**POINT))
        .encode(
            x=accuracy(alt.X, "certainty", "how sure it was", _ALL),
            y=accuracy(alt.Y, "accuracy", "how often it was right", _ALL),
            tooltip=[percent("certainty"), percent("accuracy"), alt.Tooltip("images:Q", format=",")],
        )
    )
    chart: alt.LayerChart = (diagonal + marks).properties(height=MIDDLE)
    return chart


def cells(values: np.ndarray, most: float, first: tuple[int, int]) -> alt.Chart:
    """A feature map `(height, width)` whose values can be clicked: selection `cell` with `row` and `column`.

    Args:
        most: what is full colour; first: row and column of the value that is chosen before anybody clicks.
    """
    rows, columns = np.indices(values.shape)
    points = pd.DataFrame({"row": rows.ravel(), "column": columns.ravel(), "value": values.ravel().astype(float)})
    chosen = alt.selection_point(
        name="cell", fields=["row", "column"], on="click", clear=False, value=[{"row": first[0], "column": first[1]}]
    )
    height, width = values.shape
    side = max(4, min(40, 240 // max(height, width)))
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_rect(cursor="pointer")
        .encode(
            x=alt.X("column:O", title=None, axis=upright(ticks=False)),
            y=alt.Y("row:O", title=None, axis=upright(ticks=False)),
            color=alt.Color(
                "value:Q",
                legend=None,
                scale=alt.Scale(
                    domain=[-most or -1, 0, most or 1],
                    range=list(DIVERGING),
                    interpolate="rgb",  # by hue there would be a yellow between orange and white
                ),
            ),
            stroke=alt.condition(chosen, alt.value("#000000"), alt.value(None), empty=False),
            strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0), empty=False),
            tooltip=["row:O", "column:O", alt.Tooltip("value:Q", format=".4f")],
        )
        .add_params(chosen)
        .properties(height=side * height, width=side * width)
    )
    return chart


def landscape(points: pd.DataFrame, explained: np.ndarray) -> alt.Chart:
    """The test images as the last hidden layer represents them: `x`, `y`, `digit`, `answer`, `number`, `image` (a data URL).

    The picture of a digit appears under the pointer.
    """
    chosen = alt.selection_point(name="digits", fields=["digit"], bind="legend")
    legend = alt.Legend(title="digit (click)")
    shapes = [SHAPES[digit % len(SHAPES)] for digit in range(CLASSES)]
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=14)
        .encode(
            x=alt.X("x:Q", title=f"first component ({explained[0]:.0%} of the variance)", axis=alt.Axis(labels=False)),
            y=alt.Y("y:Q", title=f"second component ({explained[1]:.0%})", axis=alt.Axis(labels=False)),
            color=alt.Color("digit:N", scale=alt.Scale(range=list(CATEGORIES)), legend=legend),
            shape=alt.Shape("digit:N", scale=alt.Scale(range=shapes), legend=legend),
            opacity=alt.condition(chosen, alt.value(0.7), alt.value(0.03)),
            tooltip=["image:N", "digit:N", "answer:N", "number:Q"],
        )
        .add_params(chosen)
        .properties(height=520, usermeta={"embedOptions": {"renderer": "canvas"}})
    )
    return chart


def curves(points: pd.DataFrame, title: str, neutral: float, networks: Mapping[str, Look]) -> alt.LayerChart:
    """Test accuracy against the strength of a change, a line for each network with its look: `network`, `strength`,
    `accuracy`."""

    def drawn(channel: type[Channel], values: list[Any]) -> Channel:
        scale = alt.Scale(domain=list(networks), range=values)
        return channel("network:N", title=None, scale=scale, legend=legend() if len(networks) > 1 else None)

    base = alt.Chart(points).encode(
        x=alt.X("strength:Q", title=title, scale=alt.Scale(nice=False)),
        y=accuracy(alt.Y, "accuracy", "test accuracy", _ALL),
        color=drawn(alt.Color, [look.colour for look in networks.values()]),
        tooltip=["network:N", "strength:Q", percent("accuracy")],
    )
    marks = base.mark_point(**POINT).encode(shape=drawn(alt.Shape, [look.shape for look in networks.values()]))
    lines = base.mark_line().encode(
        strokeDash=drawn(alt.StrokeDash, [list(look.dash) or [1, 0] for look in networks.values()])
    )
    unchanged = alt.Chart(pd.DataFrame({"strength": [neutral]})).mark_rule(**REFERENCE).encode(x="strength:Q")
    chart: alt.LayerChart = (unchanged + lines + marks).properties(height=MIDDLE)
    return chart


def ablations(points: pd.DataFrame, whole: float) -> alt.LayerChart:
    """Test accuracy with one channel at a time switched off: `channel`, `accuracy`; a dashed line where none is."""
    base = alt.Chart(points)
    y = accuracy(alt.Y, "accuracy", "test accuracy", shares(points["accuracy"], pd.Series([whole])))
    marks = base.mark_point(**POINT).encode(
        x=alt.X("channel:O", title="switched off alone", axis=upright()),
        y=y,
        tooltip=["channel:O", percent("accuracy")],
    )
    stems = base.mark_rule(opacity=0.5).encode(x="channel:O", y=y, y2=alt.datum(whole))
    rule = alt.Chart(pd.DataFrame({"accuracy": [whole]})).mark_rule(**REFERENCE).encode(y=y)
    chart: alt.LayerChart = (rule + stems + marks).properties(height=LOW)
    return chart
