"""The charts of the Results page: tables in, Altair charts out. A shape or a word says what a colour says."""

import altair as alt
import pandas as pd

from mnist_lab.charts.training import AXES, Axis
from mnist_lab.charts.vega import shares

_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
_GREY = "#7A7A7A"
_AXIS_HEIGHT = 64  # pixels below a chart that its axis and its title take of its height


def compared(points: pd.DataFrame, axis: Axis, value: str, title: str, sides: list[str]) -> alt.LayerChart:
    """A metric along epochs, seconds or multiply-adds, a line for each run, a colour and a shape for each side.

    Args:
        points: `side`, `run`, `seed`, `x` (along the axis) and the value.
    """
    scale = alt.Scale(domain=sides)
    is_share = "accuracy" in value
    base = alt.Chart(points).encode(
        x=alt.X(
            "x:Q",
            title=AXES[axis],
            scale=alt.Scale(domainMin=0, nice=False),
            axis=alt.Axis(tickMinStep=1) if axis == "epochs" else alt.Axis(),
        ),
        y=alt.Y(
            f"{value}:Q",
            title=title,
            scale=shares(points[value]) if is_share else alt.Scale(zero=False),
            axis=alt.Axis(format=".1%" if is_share else "~g"),
        ),
        color=alt.Color("side:N", scale=scale, title=None, legend=alt.Legend(orient="bottom", labelLimit=300)),
        detail="run:N",
        tooltip=[
            "side:N",
            "run:N",
            "seed:N",
            alt.Tooltip("x:Q", title=AXES[axis], format=".4~g"),
            alt.Tooltip(f"{value}:Q", format=".4~g"),
        ],
    )
    marks = base.mark_point(filled=True, size=40).encode(
        shape=alt.Shape(
            "side:N",
            scale=alt.Scale(domain=sides, range=_SHAPES[: len(sides)]),
            title=None,
            legend=alt.Legend(orient="bottom", labelLimit=300),
        )
    )
    chart: alt.LayerChart = (base.mark_line(opacity=0.7) + marks).properties(height=300)
    return chart


def spreads(points: pd.DataFrame, title: str) -> alt.LayerChart:
    """Each side's seeds as points, its mean as a bar with its 95 % interval: `side`, `seed`, `value`, `mean`, `low`, `high`."""
    y = alt.Y("side:N", title=None, axis=alt.Axis(labelLimit=110, labelOverlap=False))
    scale = shares(points["value"], points["low"], points["high"])
    x = alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(format=".2%"))
    base = alt.Chart(points)
    seeds = base.mark_point(filled=True, size=50, opacity=0.7).encode(
        x=x, y=y, tooltip=["side:N", "seed:N", alt.Tooltip("value:Q", format=".2%")]
    )
    interval = base.mark_rule(strokeWidth=2, color=_GREY).encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    mean = base.mark_tick(thickness=3, size=22, color=_GREY).encode(
        x=alt.X("mean:Q"), y=y, tooltip=[alt.Tooltip("mean:Q", format=".3%")]
    )
    chart: alt.LayerChart = (interval + seeds + mean).properties(
        height=_AXIS_HEIGHT + 36 * max(1, points["side"].nunique())
    )
    return chart


def by_digit(points: pd.DataFrame, sides: list[str]) -> alt.Chart:
    """Accuracy on the test images of each digit, a shape and a colour for each side: `digit`, `side`, `accuracy`."""
    legend = alt.Legend(orient="bottom", labelLimit=300) if len(sides) > 1 else None
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=90, opacity=0.85)
        .encode(
            x=alt.X("digit:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("accuracy:Q", title="test accuracy", scale=shares(points["accuracy"]), axis=alt.Axis(format=".1%")),
            color=alt.Color("side:N", scale=alt.Scale(domain=sides), title=None, legend=legend),
            shape=alt.Shape(
                "side:N", scale=alt.Scale(domain=sides, range=_SHAPES[: len(sides)]), title=None, legend=legend
            ),
            tooltip=["side:N", "digit:O", alt.Tooltip("accuracy:Q", format=".2%")],
        )
        .properties(height=260)
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
    scale = shares(points["accuracy"], points["low"], points["high"])
    y = alt.Y("accuracy:Q", title=metric, scale=scale, axis=alt.Axis(format=".2%"))
    base = alt.Chart(points)
    marks = (
        base.mark_point(size=90, cursor="pointer")
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("front:N", scale=alt.Scale(domain=[True, False], range=["diamond", "circle"]), legend=None),
            fill=alt.condition(alt.datum.front, alt.value("#D55E00"), alt.value("transparent")),
            color=alt.condition(alt.datum.front, alt.value("#D55E00"), alt.value("#0072B2")),
            tooltip=[
                "name:N",
                "run:Q",
                "n:Q",
                alt.Tooltip(f"{cost}:Q", format=",.4~g"),
                alt.Tooltip("accuracy:Q", format=".2%"),
            ],
        )
        .add_params(chosen)
    )
    spread = base.mark_rule(opacity=0.5, color=_GREY).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    line = (
        base.transform_filter(alt.datum.front)
        .mark_line(interpolate="step-after", color="#D55E00", strokeDash=[5, 3])
        .encode(x=x, y=y)
    )
    names = (
        base.transform_filter(alt.datum.front).mark_text(dy=-12, color=_GREY, limit=160).encode(x=x, y=y, text="name:N")
    )
    layers: list[alt.Chart] = [spread, line, marks, names]
    if budget is not None:
        limit = alt.Chart(pd.DataFrame({cost: [budget], "label": ["budget"]}))
        rule = limit.mark_rule(color="#009E73", strokeWidth=2).encode(x=x)
        layers += [
            rule,
            limit.mark_text(align="right", dx=-5, baseline="top", color="#009E73").encode(
                x=x, y=alt.value(4), text="label:N"
            ),
        ]
    whole = alt.LayerChart(layer=layers).properties(height=420)
    assert isinstance(whole, alt.LayerChart)
    return whole
