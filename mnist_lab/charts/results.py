"""The charts of the Results, Run and Compare pages: tables in, Altair charts out."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts import frames
from mnist_lab.charts.style import (
    GREEN,
    GREY,
    LOW,
    MIDDLE,
    SCALE,
    SECOND_LINE,
    SMALL_POINT,
    TALL,
    TICKS_ACROSS,
    WORDS,
    Frame,
    Look,
    Spec,
)
from mnist_lab.charts.vega import accuracy, apart, legend, percent, shares, upright, without_data
from mnist_lab.charts.work import AXES, Axis

_AXIS_HEIGHT = 64  # pixels below a chart that its axis and its title take of its height
_ROW_OF_SIDE = 84  # pixels for the seeds of a side, with its name above them
_PLAIN = ",~f"  # of a number: 67,914, and not 67.914k; 0.025, and not 25m
# What the names at the ends of lines take of a chart's width; where it is narrow, as on a phone, only letters are there.
NARROW = f"width < 480 * {SCALE}"
NAMES_TAKE = f"{NARROW} ? 100 * {SCALE} : min(200 * {SCALE}, 0.36 * width)"
_GAP = 3  # pixels after a name
_SEED_SIZE, _SEEDS_SPREAD = 11.0, 33.0  # pixels: of a seed, and of all that are equal
_WHO = ("notebook, 2019", "this lab")


def compared(points: pd.DataFrame, axis: Axis, value: str, title: str, sides: Mapping[str, Look]) -> alt.LayerChart:
    """A metric along epochs, seconds or multiply-adds: a line for each run, in the look of its side, whose name is at its end.

    Args:
        points: `side`, `run`, `seed`, `x` (along the axis) and the value.
    """
    is_share = "accuracy" in value
    shown = shares(points[value]) if is_share else (0.0, frames.end(points[value]))
    end = float(points["x"].max())
    # To the right of the lines there is room for the names of sides.
    reach = alt.Scale(domain=[0, end], nice=False, range=[0, alt.expr(f"width - ({NAMES_TAKE})")])
    ticks: dict[str, Any] = {"tickMinStep": 1} if axis == "epochs" else {}
    x = alt.X("x:Q", title=AXES[axis], scale=reach, axis=alt.Axis(format=_PLAIN, **ticks))

    def y(column: str) -> alt.Y:
        if is_share:
            return accuracy(alt.Y, column, title, shown)
        scale = alt.Scale(domain=list(shown), nice=False)
        return alt.Y(f"{column}:Q", title=title, scale=scale, axis=alt.Axis(format="~g"))

    base = alt.Chart(points).encode(
        x=x,
        y=y(value),
        color=_colours(sides),
        detail="run:N",
        tooltip=[
            "side:N",
            "run:N",
            "seed:N",
            alt.Tooltip("x:Q", title=AXES[axis], format=",.4~r"),
            percent(value, title) if is_share else alt.Tooltip(f"{value}:Q", title=title, format=".4~g"),
        ],
    )
    dashes = [list(look.dash) or [1, 0] for look in sides.values()]
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=_by_side(alt.StrokeDash, sides, dashes))
    marks = base.mark_point(**SMALL_POINT, opacity=1).encode(shape=_shapes(sides))
    last = alt.Chart(_apart(ends(points, value), shown)).encode(x=alt.X("end:Q", scale=reach), y=y("place"))
    dots = last.mark_point(filled=True, opacity=1, size=90, xOffset=12).encode(
        color=_colours(sides), shape=_shapes(sides)
    )
    names = last.mark_text(
        **WORDS,
        align="left",
        dx=22,
        limit=alt.expr(f"({NAMES_TAKE}) - {22 + _GAP} * {SCALE}"),
        text=alt.expr(f"{NARROW} ? datum.short : datum.label"),
    )
    chart: alt.LayerChart = (lines + marks + dots + names).properties(height=TALL)
    return chart


def ends(points: pd.DataFrame, value: str) -> pd.DataFrame:
    """Where the lines of each side end: `side`, `end` (of the whole axis), `value`, the mean of its last values, and that in `words`."""
    last = points.sort_values("x").groupby(["side", "run"], sort=False).tail(1)
    found = last.groupby("side", sort=False)[value].mean().rename("value").reset_index()
    number = "{:.2%}" if "accuracy" in value else "{:.4f}"
    return found.assign(end=float(points["x"].max()), words=found["value"].map(number.format))


def _apart(ends: pd.DataFrame, shown: Frame) -> pd.DataFrame:
    """With the `place` on the scale of each side's name, near to its value and on no other name; its `label`, and one that is `short`."""
    found = ends.sort_values("value")
    places = apart(found["value"], shown)
    letters = found["side"].str.split(":").str[0]
    return found.assign(
        place=places, label=found["side"] + " · " + found["words"], short=letters + " " + found["words"]
    )


def _by_side(channel: Any, sides: Mapping[str, Look], values: Sequence[Any], legend_: alt.Legend | None = None) -> Any:
    """A channel in which each side has its own value; without a legend where names stand beside what is drawn."""
    scale = alt.Scale(domain=list(sides), range=list(values))
    return channel("side:N", title=None, scale=scale, legend=legend_)


def _colours(sides: Mapping[str, Look], legend_: alt.Legend | None = None) -> Any:
    return _by_side(alt.Color, sides, [look.colour for look in sides.values()], legend_)


def _shapes(sides: Mapping[str, Look], legend_: alt.Legend | None = None) -> Any:
    return _by_side(alt.Shape, sides, [look.shape for look in sides.values()], legend_)


def spreads(points: pd.DataFrame, title: str, sides: Mapping[str, Look]) -> alt.LayerChart:
    """Each side's seeds as points in its look, its mean as a bar with its 95 % interval, its name above them.

    Args:
        points: `side`, `seed`, `value`, `mean`, `low`, `high`.
    """
    y = alt.Y("side:N", title=None, sort=list(sides), axis=None, scale=alt.Scale(padding=0.1))
    shown = shares(points["value"], points["low"], points["high"])
    colour = _colours(sides)
    base = alt.Chart(points.assign(shift=_beside_equal(points))).encode(y=y)
    first = base.transform_window(row="row_number()", groupby=["side"]).transform_filter(alt.datum.row == 1)
    tooltip = ["side:N", percent("mean"), percent("low", "95 % from"), percent("high", "95 % to")]
    beside = alt.expr(f"datum.shift * {SCALE}")
    seeds = base.mark_point(filled=True, size=110, opacity=1, yOffset=beside).encode(
        x=accuracy(alt.X, "value", title, shown),
        color=colour,
        shape=_shapes(sides),
        tooltip=["side:N", "seed:N", percent("value", title)],
    )
    interval = first.mark_rule(strokeWidth=2.5).encode(
        x=accuracy(alt.X, "low", title, shown), x2="high:Q", color=colour, tooltip=tooltip
    )
    mean = first.mark_tick(thickness=4, size=36).encode(
        x=accuracy(alt.X, "mean", title, shown), color=colour, tooltip=tooltip
    )
    names = first.mark_text(**WORDS, align="left", dy=-_ROW_OF_SIDE // 3).encode(x=alt.value(0), text="side:N")
    chart: alt.LayerChart = (interval + seeds + mean + names).properties(
        height=_AXIS_HEIGHT + _ROW_OF_SIDE * max(1, points["side"].nunique())
    )
    return chart


def _beside_equal(points: pd.DataFrame) -> pd.Series:
    """How far each seed is drawn below its row's middle, in pixels: those that would lie on one another lie side by side."""
    equal = points.assign(at=points["value"].round(4)).groupby(["side", "at"])["value"]
    count = equal.transform("size")
    step = (_SEEDS_SPREAD / (count - 1).clip(lower=1)).clip(upper=_SEED_SIZE)
    shift: pd.Series = (equal.cumcount() - (count - 1) / 2) * step
    return shift


def by_digit(points: pd.DataFrame, sides: Mapping[str, Look]) -> alt.Chart:
    """Accuracy on the test images of each digit, each side in its look: `digit`, `side`, `accuracy`."""
    legend_ = legend() if len(sides) > 1 else None
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=100, opacity=1)
        .encode(
            x=alt.X("digit:O", axis=upright()),
            y=accuracy(alt.Y, "accuracy", "test accuracy", shares(points["accuracy"])),
            color=_colours(sides, legend_),
            shape=_shapes(sides, legend_),
            tooltip=["side:N", "digit:O", percent("accuracy")],
        )
        .properties(height=MIDDLE + 20 * len(sides))  # where it is narrow each has a line of the legend
    )
    return chart


def costs(
    points: pd.DataFrame,
    cost: str,
    title: str,
    metric: str,
    budget: float | None,
    *,
    whole: bool = False,
    shown: Frame | None = None,
) -> alt.LayerChart:
    """Accuracy against cost, each design in its look, the Pareto front ringed and joined; a click on a point chooses its `run`.

    Args:
        points: `run`, `name`, `seeds`, `colour`, `shape`, the cost, `accuracy`, `low`, `high` (of its interval), `front` (whether
            it is on it).
        whole: whether the axis of accuracy goes from 0 to 100 %, and not just over its data.
        shown: the part of that axis which is drawn, whatever the data; none of them may lie outside.
    """
    chosen = alt.selection_point(name="open", fields=["run"], on="click", clear=False)
    span = points[cost].max() / points[cost].min() if len(points) and points[cost].min() > 0 else 1
    is_log = span > 30
    scale = alt.Scale(type="log" if is_log else "linear", zero=False, nice=True)
    if span == 1 and len(points) and points[cost].iloc[0] > 0:  # else one cost has an axis of nothing, with many ticks
        scale.domain = [0.8 * points[cost].iloc[0], 1.2 * points[cost].iloc[0]]
    x = alt.X(
        f"{cost}:Q",
        title=title,
        scale=scale,
        axis=alt.Axis(format=_PLAIN, tickCount=alt.ExprRef(TICKS_ACROSS), labelOverlap=True),
    )
    if shown is None:
        shown = (0.0, 1.0) if whole else shares(points["accuracy"], points["low"], points["high"])
    y = accuracy(alt.Y, "accuracy", metric, shown)
    at = np.log(points[cost]) if is_log else points[cost]
    said = [f"{row['name']}: {amount(row, cost, title)}" for _, row in points.iterrows()]
    base = alt.Chart(points.assign(**_names_that_fit(points, at.to_numpy(float), shown), words=said))
    on_front = base.transform_filter(alt.datum.front)
    colour = alt.Color("colour:N", scale=None)
    marks = (
        base.mark_point(filled=True, opacity=1, size=120, cursor="pointer")
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("shape:N", scale=None),
            color=colour,
            description="words:N",
            tooltip=[
                alt.Tooltip("name:N", title="design"),
                alt.Tooltip("run:Q", title="newest run"),
                "seeds:Q",
                alt.Tooltip(f"{cost}:Q", title=title, format=_digits(cost)),
                percent("accuracy", metric),
                percent("low", "95 % from"),
                percent("high", "95 % to"),
            ],
        )
        .add_params(chosen)
    )
    spread = base.mark_rule(aria=False, strokeWidth=2).encode(
        x=x, y=accuracy(alt.Y, "low", metric, shown), y2="high:Q", color=colour
    )
    line = on_front.mark_line(aria=False, interpolate="step-after", color=GREY, **SECOND_LINE).encode(x=x, y=y)
    rings = on_front.mark_point(aria=False, size=420, color=GREY, strokeWidth=1.5).encode(x=x, y=y)
    beside = f"{SCALE} * (datum.align === 'left' ? 12 : datum.align === 'right' ? -12 : 0)"  # not on its bar
    # Cut rather than outside, for a chart makes its plot narrow where words stick out.
    limit = alt.expr(f"width * (datum.align === 'center' ? 0.4 : 0.8) - 12 * {SCALE}")
    names = base.mark_text(**WORDS, align=alt.expr("datum.align"), dx=alt.expr(beside), dy=-18, limit=limit).encode(
        x=x, y=y, text="label:N"
    )
    layers: list[alt.Chart] = [spread, line, rings, marks, names]
    if budget is not None:
        its = alt.Chart(pd.DataFrame({cost: [budget], "label": ["budget"]}))
        word = its.mark_text(**WORDS, align="right", dx=-5, baseline="top")
        layers += [
            its.mark_rule(color=GREEN, strokeWidth=2).encode(x=x),
            word.encode(x=x, y=alt.value(4), text="label:N"),
        ]
    chart = alt.LayerChart(layer=layers).properties(height=TALL)
    assert isinstance(chart, alt.LayerChart)
    return chart


def amount(point: pd.Series, cost: str, title: str) -> str:
    """How accurate a design is and what it costs, in words: `97.68% at 67,914 parameters`."""
    return f"{point['accuracy']:.2%} at {point[cost]:{_digits(cost)}} {title}"


def _digits(cost: str) -> str:
    return ",.1f" if cost == "seconds" else ",.0f"


_PLOT = (620.0, 340.0)  # width and height in pixels for which names are placed; most screens have more
_LETTER = (7.5, 18.0)  # of a name


def _names_that_fit(points: pd.DataFrame, at: np.ndarray, shown: Frame) -> dict[str, list[str]]:
    """The `label` above each point, its name or, where that would lie on another name or point, nothing; and its `align`.

    Those on the front come first, the more accurate before the others.

    Args:
        at: where the points are along the axis of cost.
    """
    width, height = _PLOT
    x = (at - at.min()) / np.ptp(at) * width if np.ptp(at) else np.full(len(at), width / 2)
    y = (points["accuracy"].to_numpy(float) - shown[0]) / (shown[1] - shown[0]) * height
    labels, aligns = [""] * len(points), ["center"] * len(points)
    taken = [(left - 8, left + 8, low - 8, low + 8) for left, low in zip(x, y, strict=True)]
    for i in np.lexsort((-y, ~points["front"].to_numpy(bool))):
        wide = _LETTER[0] * len(points["name"].iloc[i])
        share = x[i] / width
        aligns[i] = "left" if share < 0.2 else "right" if share > 0.8 else "center"
        left = x[i] - {"left": 0.0, "center": wide / 2, "right": wide}[aligns[i]]
        box = (left, left + wide, y[i] + 9, y[i] + 9 + _LETTER[1])
        is_free = all(box[1] < a or b < box[0] or box[3] < c or d < box[2] for a, b, c, d in taken)
        if is_free and box[0] >= -20 and box[1] <= width + 20 and box[3] <= height + 20:
            labels[i] = points["name"].iloc[i]
            taken.append(box)
    return {"label": labels, "align": aligns}


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


@functools.lru_cache(maxsize=16)
def reproduction(network: str, shown: Frame) -> Spec:
    """Validation accuracy by epoch of one of the notebook's networks, its own log dashed, our runs solid: a specification
    without its data, a table of `reproduction_points`.

    Args:
        shown: the part of the scale that is drawn; lines leave it.
    """
    domain = list(_WHO)
    base = alt.Chart(alt.NamedData("reproduction")).encode(
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
    return without_data((lines + marks).properties(title=network, height=LOW, width="container"))
