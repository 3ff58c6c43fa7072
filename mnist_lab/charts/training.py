"""The Train page's charts: tables in, Vega-Lite specifications out, which stay the same while a run trains.

Colours come from the theme or are safe for the colour-blind; a shape, a dash or a word says the same without colour.
"""

import functools
from typing import Any

import altair as alt
import pandas as pd

from mnist_lab.charts.style import MIDDLE, MORE_RIGHT, POINT, SECOND_LINE, VERMILION, Frame, Spec
from mnist_lab.charts.vega import accuracy, legend, upright, without_data
from mnist_lab.charts.work import AXES, Axis, Work
from mnist_lab.training.reports import Snapshot

SERIES = ("training", "validation")
BATCHES, EPOCHS, VALIDATION = "training, by batch", "training, epoch mean", "validation"
_TITLES = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}


def curve_points(
    epochs: pd.DataFrame, batches: pd.DataFrame, metric: str, work: Work, axis: Axis, *, run: str = ""
) -> pd.DataFrame:
    """The long table that `curves` draws: `x`, `value`, `series`, `kind`, `run`.

    Args:
        epochs: the log's lines; batches: the points of the training curve; metric: `loss` or `accuracy`.
    """

    def part(x: pd.Series, y: pd.Series, series: str, kind: str) -> pd.DataFrame:
        return pd.DataFrame({"x": x, "value": y.astype(float), "series": series, "kind": kind, "run": run})

    # A stopped epoch is drawn where it stopped, not where it would have ended.
    steps = (epochs["epoch"] - 1) * work.steps_per_epoch + epochs["steps"]
    at = work.along(axis, steps, epochs["seconds"].cumsum())
    return pd.concat(
        [
            part(work.along(axis, batches["step"], batches["seconds"]), batches[metric], "training", BATCHES),
            part(at, epochs[metric], "training", EPOCHS),
            part(at, epochs[f"validation_{metric}"], "validation", VALIDATION),
        ],
        ignore_index=True,
    )


@functools.lru_cache(maxsize=128)
def curves(metric: str, axis: Axis, end: float, shown: Frame, *, clip: bool = False, several: bool = False) -> Spec:
    """The specification of a live chart, without its data: a table of `curve_points` goes beside it.

    It depends on little that changes while a run trains, so the chart on the page is updated, and seldom rebuilt.

    Args:
        metric: `loss` or `accuracy`; end: where the axis ends; shown: the scale (`frames.whole`), or the part of it
            that is drawn (`frames.frame`), with `clip`, so that lines leave the frame; several: runs are told apart by
            colour and shape, training and validation by dash.
    """
    is_accuracy = metric == "accuracy"
    number = ".2%" if is_accuracy else ".4f"
    # Of several runs a legend has the names: at the ends of their curves they would lie on one another.
    colour = (
        alt.Color("run:N", title=None, legend=legend())
        if several
        else alt.Color("series:N", scale=alt.Scale(domain=list(SERIES)), legend=None)
    )
    whole: dict[str, Any] = {"tickMinStep": 1} if axis in ("epochs", "batches") else {}
    base = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X("x:Q", title=AXES[axis], scale=alt.Scale(domain=[0, end]), axis=alt.Axis(format="~s", **whole)),
        y=accuracy(alt.Y, "value", None, shown)
        if is_accuracy
        else alt.Y("value:Q", title=None, scale=alt.Scale(domain=list(shown)), axis=alt.Axis(format="~g")),
        color=colour,
        tooltip=[
            *([alt.Tooltip("run:N")] if several else []),
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("x:Q", title=AXES[axis], format=".2f"),
            alt.Tooltip("value:Q", title=metric, format=number),
        ],
    )
    by_batch = base.transform_filter(alt.datum.kind == BATCHES).mark_line(
        strokeWidth=1.2, opacity=0.45 if several else 0.75, clip=clip
    )
    means = base.transform_filter(alt.datum.kind == EPOCHS).mark_point(size=45, shape="circle", filled=False, clip=clip)
    validation = base.transform_filter(alt.datum.kind == VALIDATION)
    validation_line = validation.mark_line(**SECOND_LINE, clip=clip)
    if several:
        validation_points = validation.mark_point(**POINT, clip=clip).encode(
            shape=alt.Shape("run:N", title=None, legend=legend())
        )
        layers = [by_batch, validation_line, validation_points]
    else:
        validation_points = validation.mark_point(**POINT, shape="diamond", clip=clip)
        layers = [by_batch, means, validation_line, validation_points, *_ends_of_series(base, number)]
    chart = alt.layer(*layers).properties(
        title=_TITLES[metric],
        height=MIDDLE,
        width="container",
        padding={"left": 5, "right": 10 if several else 130, "top": 5, "bottom": 5},
    )
    return without_data(chart)


def _ends_of_series(base: alt.Chart, number: str) -> list[alt.Chart]:
    """Values at the ends of the two curves. They end close together: the higher label goes up, the lower one down."""
    ends = (
        base.transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=[BATCHES, VALIDATION]))
        .transform_joinaggregate(last="max(x)", groupby=["series"])
        .transform_filter("datum.x === datum.last")
        .transform_calculate(label=f"datum.series + ' ' + format(datum.value, '{number}')")
        .transform_window(place="row_number()", sort=[alt.SortField("value", order="descending")])
    )
    return [
        ends.transform_filter(place)
        .mark_text(align="left", dx=8, dy=dy, fontWeight="bold", clip=False)
        .encode(text="label:N")
        for place, dy in (("datum.place === 1", -11), ("datum.place > 1", 11))
    ]


def followed_points(snapshots: dict[int, Snapshot], image: int, shown: int) -> pd.DataFrame:
    """The table that `followed` draws, `epoch`, `digit`, `probability`: of one validation image, after each epoch.

    The first row of the epoch `shown` has `framed`.
    """
    parts = [
        pd.DataFrame({"epoch": epoch, "digit": range(10), "probability": snapshot.probabilities[image] / 255})
        for epoch, snapshot in snapshots.items()
    ]
    points = pd.concat(parts, ignore_index=True)
    return points.assign(framed=(points["epoch"] == shown) & (points["digit"] == 0))


@functools.lru_cache(maxsize=1)
def followed() -> Spec:
    """The probabilities of the ten digits for one image, epoch after epoch; one epoch is framed."""
    base = alt.Chart(alt.NamedData("followed")).encode(x=alt.X("epoch:O", axis=upright()))
    cells = base.mark_rect().encode(
        y=alt.Y("digit:O", axis=alt.Axis(labelOverlap=False)),
        color=alt.Color(
            "probability:Q",
            scale=alt.Scale(domain=[0, 1], range=list(MORE_RIGHT)),
            legend=None,
        ),
        tooltip=["epoch:O", "digit:O", alt.Tooltip("probability:Q", format=".1%")],
    )
    one = base.transform_filter(alt.datum.framed)
    frame = one.mark_rect(fillOpacity=0, stroke=VERMILION, strokeWidth=2)
    return without_data((cells + frame).properties(height=MIDDLE, width="container"))
