"""The charts of the Inspect page: tables in, Vega-Lite specifications and Altair charts out."""

import functools

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.vega import Spec, shares, without_data

_GREY = "#7A7A7A"
_ORANGE = ["#FBE3C8", "#E07B00"]
_SHAPES = ["circle", "square", "triangle-up", "diamond"]
CLASSES = 10
FULL_COLOUR = 0.05  # of a digit's images: more mistakes of a kind are no darker


def answer_points(probabilities: np.ndarray) -> pd.DataFrame:
    """The table that `answer` draws, of probabilities `(10,)`."""
    return pd.DataFrame(
        {
            "digit": range(CLASSES),
            "probability": probabilities.astype(float),
            "is_answer": np.arange(CLASSES) == probabilities.argmax(),
        }
    )


@functools.lru_cache(maxsize=1)
def answer() -> Spec:
    """The probability of each digit as a bar; the highest is dark. Changes with its data alone."""
    base = alt.Chart(alt.NamedData("points")).encode(
        y=alt.Y(
            "digit:O",
            title=None,
            axis=alt.Axis(
                labelFontSize=13, labelOverlap=False, labelFlush=False, labelBound=False, ticks=False, domain=False
            ),
        ),
        x=alt.X(
            "probability:Q",
            title="probability",
            scale=alt.Scale(domain=[0, 1.12]),
            axis=alt.Axis(format=".0%", values=[0, 0.5, 1]),
        ),
    )
    bars = base.mark_bar(height=16).encode(opacity=alt.condition("datum.is_answer", alt.value(1), alt.value(0.35)))
    words = base.mark_text(align="left", dx=4, color=_GREY).encode(text=alt.Text("probability:Q", format=".0%"))
    return without_data((bars + words).properties(height=250, width="container"))


def counts(answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many images of a digit (row) got an answer (column), `(10, 10)`."""
    found = np.zeros((CLASSES, CLASSES), int)
    np.add.at(found, (labels, answers), 1)
    return found


def confusion(points: pd.DataFrame, *, in_percent: bool) -> alt.LayerChart:
    """How many images of a digit (row) got an answer (column); right ones grey. A click chooses a `cell`."""
    chosen = alt.selection_point(name="cell", fields=["digit", "answer"], on="click", clear="dblclick")
    text = alt.Text("share:Q", format=".1%") if in_percent else alt.Text("images:Q", format=",")
    base = alt.Chart(points).encode(
        x=alt.X("answer:O", title="answer", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("digit:O", title="digit"),
        tooltip=["digit:O", "answer:O", "images:Q", alt.Tooltip("share:Q", format=".2%", title="of the digit")],
    )
    right = base.transform_filter("datum.digit === datum.answer").mark_rect(fill=_GREY, fillOpacity=0.25)
    wrong = (
        base.transform_filter("datum.digit !== datum.answer && datum.images > 0")
        .mark_rect()
        .encode(
            color=alt.Color(
                "share:Q", legend=None, scale=alt.Scale(type="sqrt", domain=[0, FULL_COLOUR], clamp=True, range=_ORANGE)
            )
        )
    )
    dark = alt.condition("datum.digit === datum.answer", alt.value(_GREY), alt.value("#111111"))
    words = base.transform_filter("datum.images > 0").mark_text(fontSize=11).encode(text=text, color=dark)
    frames = (
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(
            stroke=alt.condition(chosen, alt.value("#0072B2"), alt.value(_GREY), empty=False),
            strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0.2), empty=False),
        )
        .add_params(chosen)
    )
    chart: alt.LayerChart = (right + wrong + words + frames).properties(height=380)
    return chart


def calibration_points(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """How often answers of some certainty are right: `certainty` (mean), `accuracy`, `images`, of bins that have any.

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
    """Mean distance of certainty and accuracy over all images: the expected calibration error of that paper."""
    return float(np.average((points["certainty"] - points["accuracy"]).abs(), weights=points["images"]))


def calibration(points: pd.DataFrame) -> alt.LayerChart:
    """Certainty against how often it was justified; on the diagonal both agree."""
    share = alt.Scale(domain=[0, 1])
    line = alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]})).mark_line(strokeDash=[4, 4], color=_GREY)
    marks = (
        alt.Chart(points)
        .mark_line(point=alt.OverlayMarkDef(filled=True, size=60))
        .encode(
            x=alt.X("certainty:Q", title="how sure it was", scale=share, axis=alt.Axis(format=".0%")),
            y=alt.Y("accuracy:Q", title="how often it was right", scale=share, axis=alt.Axis(format=".0%")),
            tooltip=[
                alt.Tooltip("certainty:Q", format=".1%"),
                alt.Tooltip("accuracy:Q", format=".1%"),
                alt.Tooltip("images:Q", format=","),
            ],
        )
    )
    chart: alt.LayerChart = (line.encode(x="x:Q", y="y:Q") + marks).properties(height=280)
    return chart


def cells(values: np.ndarray, most: float) -> alt.Chart:
    """A feature map `(height, width)` whose values can be clicked: selection `cell` with `row` and `column`."""
    rows, columns = np.indices(values.shape)
    points = pd.DataFrame({"row": rows.ravel(), "column": columns.ravel(), "value": values.ravel().astype(float)})
    chosen = alt.selection_point(name="cell", fields=["row", "column"], on="click", clear=False)
    height, width = values.shape
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_rect(cursor="pointer")
        .encode(
            x=alt.X("column:O", title="column", axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False)),
            y=alt.Y("row:O", title="row", axis=alt.Axis(labelOverlap=True, ticks=False)),
            color=alt.Color(
                "value:Q",
                legend=None,
                scale=alt.Scale(
                    domain=[-most or -1, 0, most or 1],
                    range=["#D55E00", "#FFFFFF", "#0072B2"],
                    interpolate="rgb",  # by hue there would be a yellow between orange and white
                ),
            ),
            stroke=alt.condition(chosen, alt.value("#000000"), alt.value(None), empty=False),
            strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0), empty=False),
            tooltip=["row:O", "column:O", alt.Tooltip("value:Q", format=".4f")],
        )
        .add_params(chosen)
        .properties(height=min(250, 14 * height), width=min(250, 14 * width))
    )
    return chart


def landscape(points: pd.DataFrame, explained: np.ndarray) -> alt.Chart:
    """The test images as the last hidden layer has them: `x`, `y`, `digit`, `answer`, `number`, `image` (a data URL).

    A digit's number stands on its point only where one looks: the picture comes up under the pointer.
    """
    chosen = alt.selection_point(name="digits", fields=["digit"], bind="legend")
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=14)
        .encode(
            x=alt.X("x:Q", title=f"first component ({explained[0]:.0%} of the variance)", axis=alt.Axis(labels=False)),
            y=alt.Y("y:Q", title=f"second component ({explained[1]:.0%})", axis=alt.Axis(labels=False)),
            color=alt.Color("digit:N", scale=alt.Scale(range=_TEN), legend=alt.Legend(title="digit (click)")),
            shape=alt.Shape("digit:N", scale=alt.Scale(range=_TEN_SHAPES), legend=alt.Legend(title="digit (click)")),
            opacity=alt.condition(chosen, alt.value(0.7), alt.value(0.03)),
            tooltip=["image:N", "digit:N", "answer:N", "number:Q"],
        )
        .add_params(chosen)
        .properties(height=520, usermeta={"embedOptions": {"renderer": "canvas"}})
    )
    return chart


_TEN = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#56B4E9", "#E69F00", "#7A7A7A", "#6A3D9A", "#B00020"]
_TEN_SHAPES = [
    "circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right", "circle", "square",
]  # fmt: skip


def curves(points: pd.DataFrame, title: str, neutral: float, networks: list[str]) -> alt.LayerChart:
    """Test accuracy against the strength of a change, a line for each network: `network`, `strength`, `accuracy`."""
    legend = alt.Legend(orient="bottom", labelLimit=300) if len(networks) > 1 else None
    base = alt.Chart(points).encode(
        x=alt.X("strength:Q", title=title, scale=alt.Scale(nice=False)),
        y=alt.Y("accuracy:Q", title="test accuracy", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
        color=alt.Color("network:N", title=None, scale=alt.Scale(domain=networks), legend=legend),
        tooltip=["network:N", "strength:Q", alt.Tooltip("accuracy:Q", format=".2%")],
    )
    marks = base.mark_point(filled=True, size=60).encode(
        shape=alt.Shape(
            "network:N", title=None, scale=alt.Scale(domain=networks, range=_SHAPES[: len(networks)]), legend=legend
        )
    )
    here = alt.Chart(pd.DataFrame({"strength": [neutral]})).mark_rule(strokeDash=[4, 4], color=_GREY)
    chart: alt.LayerChart = (here.encode(x="strength:Q") + base.mark_line() + marks).properties(height=320)
    return chart


def alone(points: pd.DataFrame, whole: float) -> alt.LayerChart:
    """Accuracy with one channel off, for each: `channel`, `accuracy`; a rule where none is."""
    base = alt.Chart(points)
    scale = shares(points["accuracy"], pd.Series([whole]))
    marks = base.mark_point(filled=True, size=60).encode(
        x=alt.X("channel:O", title="switched off alone", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("accuracy:Q", title="test accuracy", scale=scale, axis=alt.Axis(format=".1%")),
        tooltip=["channel:O", alt.Tooltip("accuracy:Q", format=".2%")],
    )
    stems = base.mark_rule(opacity=0.5).encode(x="channel:O", y=alt.Y("accuracy:Q", scale=scale), y2=alt.datum(whole))
    rule = alt.Chart(pd.DataFrame({"whole": [whole]})).mark_rule(strokeDash=[4, 4], color=_GREY)
    chart: alt.LayerChart = (rule.encode(y=alt.Y("whole:Q", scale=scale)) + stems + marks).properties(height=240)
    return chart
