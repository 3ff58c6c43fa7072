"""The charts of the Results, Run and Compare pages: tables in, Altair charts out."""

import altair as alt
import pandas as pd

from mnist_lab.charts.style import (
    BLUE,
    GREEN,
    GREY,
    INTERVAL,
    LOW,
    MIDDLE,
    POINT,
    SECOND_LINE,
    SMALL_POINT,
    TALL,
    VERMILION,
    WORDS,
    Frame,
)
from mnist_lab.charts.vega import accuracy, colour, percent, shape, shares, upright
from mnist_lab.charts.work import AXES, Axis

_AXIS_HEIGHT = 64  # pixels below a chart that its axis and its title take of its height
_WHO = ("notebook, 2019", "this lab")


def compared(points: pd.DataFrame, axis: Axis, value: str, title: str, sides: list[str]) -> alt.LayerChart:
    """A metric along epochs, seconds or multiply-adds, a line for each run, a colour and a shape for each side.

    Args:
        points: `side`, `run`, `seed`, `x` (along the axis) and the value.
    """
    y = (
        accuracy(alt.Y, value, title, shares(points[value]))
        if "accuracy" in value
        else alt.Y(f"{value}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format="~g"))
    )
    base = alt.Chart(points).encode(
        x=alt.X(
            "x:Q",
            title=AXES[axis],
            scale=alt.Scale(domainMin=0, nice=False),
            axis=alt.Axis(tickMinStep=1) if axis == "epochs" else alt.Axis(),
        ),
        y=y,
        color=colour("side", sides),
        detail="run:N",
        tooltip=[
            "side:N",
            "run:N",
            "seed:N",
            alt.Tooltip("x:Q", title=AXES[axis], format=".4~g"),
            alt.Tooltip(f"{value}:Q", title=title, format=".4~g"),
        ],
    )
    marks = base.mark_point(**SMALL_POINT).encode(shape=shape("side", sides))
    chart: alt.LayerChart = (base.mark_line(opacity=0.7) + marks).properties(height=MIDDLE)
    return chart


def spreads(points: pd.DataFrame, title: str) -> alt.LayerChart:
    """Each side's seeds as points, its mean as a bar with its 95 % interval: `side`, `seed`, `value`, `mean`, `low`, `high`."""
    y = alt.Y("side:N", title=None, axis=alt.Axis(labelLimit=110, labelOverlap=False))
    shown = shares(points["value"], points["low"], points["high"])
    base = alt.Chart(points)
    seeds = base.mark_point(**POINT, opacity=0.7).encode(
        x=accuracy(alt.X, "value", title, shown), y=y, tooltip=["side:N", "seed:N", percent("value")]
    )
    interval = base.mark_rule(**INTERVAL).encode(x=accuracy(alt.X, "low", title, shown), x2="high:Q", y=y)
    mean = base.mark_tick(thickness=3, size=22, color=GREY).encode(
        x=accuracy(alt.X, "mean", title, shown), y=y, tooltip=[percent("mean")]
    )
    chart: alt.LayerChart = (interval + seeds + mean).properties(
        height=_AXIS_HEIGHT + 36 * max(1, points["side"].nunique())
    )
    return chart


def by_digit(points: pd.DataFrame, sides: list[str]) -> alt.Chart:
    """Accuracy on the test images of each digit, a shape and a colour for each side: `digit`, `side`, `accuracy`."""
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_point(**POINT, opacity=0.85)
        .encode(
            x=alt.X("digit:O", axis=upright()),
            y=accuracy(alt.Y, "accuracy", "test accuracy", shares(points["accuracy"])),
            color=colour("side", sides),
            shape=shape("side", sides),
            tooltip=["side:N", "digit:O", percent("accuracy")],
        )
        .properties(height=MIDDLE if len(sides) > 1 else LOW)  # a legend takes of the height
    )
    return chart


def costs(points: pd.DataFrame, cost: str, title: str, metric: str, budget: float | None) -> alt.LayerChart:
    """Accuracy against cost, the Pareto front joined and filled, a click on a point chooses its `run`.

    Args:
        points: `run`, `name`, `n`, the cost, `accuracy`, `low`, `high` (of its interval), `front` (whether it is on it).
    """
    chosen = alt.selection_point(name="open", fields=["run"], on="click", clear=False)
    span = points[cost].max() / points[cost].min() if len(points) and points[cost].min() > 0 else 1
    x = alt.X(
        f"{cost}:Q",
        title=title,
        scale=alt.Scale(type="log" if span > 30 else "linear", zero=False, nice=True),
        axis=alt.Axis(format="~s"),
    )
    shown = shares(points["accuracy"], points["low"], points["high"])
    y = accuracy(alt.Y, "accuracy", metric, shown)
    base = alt.Chart(points)
    on_front = base.transform_filter(alt.datum.front)
    marks = (
        base.mark_point(size=90, cursor="pointer")
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("front:N", scale=alt.Scale(domain=[True, False], range=["diamond", "circle"]), legend=None),
            fill=alt.condition(alt.datum.front, alt.value(VERMILION), alt.value("transparent")),
            color=alt.condition(alt.datum.front, alt.value(VERMILION), alt.value(BLUE)),
            tooltip=["name:N", "run:Q", "n:Q", alt.Tooltip(f"{cost}:Q", format=",.4~g"), percent("accuracy")],
        )
        .add_params(chosen)
    )
    spread = base.mark_rule(**INTERVAL).encode(x=x, y=accuracy(alt.Y, "low", metric, shown), y2="high:Q")
    line = on_front.mark_line(interpolate="step-after", color=VERMILION, **SECOND_LINE).encode(x=x, y=y)
    names = on_front.mark_text(**WORDS, dy=-12, limit=160).encode(x=x, y=y, text="name:N")
    layers: list[alt.Chart] = [spread, line, marks, names]
    if budget is not None:
        limit = alt.Chart(pd.DataFrame({cost: [budget], "label": ["budget"]}))
        word = limit.mark_text(align="right", dx=-5, baseline="top", color=GREEN)
        layers += [
            limit.mark_rule(color=GREEN, strokeWidth=2).encode(x=x),
            word.encode(x=x, y=alt.value(4), text="label:N"),
        ]
    whole = alt.LayerChart(layer=layers).properties(height=TALL)
    assert isinstance(whole, alt.LayerChart)
    return whole


def reproduction_points(network: str, notebook_epochs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """The long table that `reproduction` draws for one network: `epoch`, `value`, `who`, `line`.

    Args:
        notebook_epochs: name, epoch, validation_accuracy; ours: the same and run_id.
    """
    theirs = notebook_epochs.assign(who=_WHO[0], line="notebook")
    own = ours.assign(who=_WHO[1], line="run " + ours["run_id"].astype(str))
    columns = ["epoch", "validation_accuracy", "who", "line"]
    both = pd.concat([part.loc[part["name"] == network, columns] for part in (theirs, own)], ignore_index=True)
    return both.rename(columns={"validation_accuracy": "value"})


def reproduction(network: str, points: pd.DataFrame, shown: Frame) -> alt.LayerChart:
    """Validation accuracy by epoch of one of the notebook's networks: its own log dashed, our runs solid.

    Args:
        shown: the part of the scale that is drawn; lines leave it.
    """
    domain = list(_WHO)
    base = alt.Chart(points).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            scale=alt.Scale(domain=[0, 12.4], nice=False),
            axis=alt.Axis(values=list(range(0, 13, 2)), format="d"),
        ),
        y=accuracy(alt.Y, "value", None, shown),
        color=alt.Color("who:N", scale=alt.Scale(domain=domain), legend=None),
        detail="line:N",
        tooltip=["line:N", "epoch:Q", percent("value", "validation accuracy")],
    )
    dashes = alt.Scale(domain=domain, range=[SECOND_LINE["strokeDash"], [1, 0]])
    shapes = alt.Scale(domain=domain, range=["square", "circle"])
    lines = base.mark_line(clip=True).encode(strokeDash=alt.StrokeDash("who:N", scale=dashes, legend=None))
    marks = base.mark_point(**SMALL_POINT, clip=True).encode(shape=alt.Shape("who:N", scale=shapes, legend=None))
    chart: alt.LayerChart = (lines + marks).properties(title=network, height=LOW)
    return chart
