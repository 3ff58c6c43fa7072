"""The charts of a study's answer: its levels with a thin line a seed, and of two factors the interaction plot."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from mnist_lab.charts.results import NAMES_TAKE, NARROW
from mnist_lab.charts.style import BLUE, GREY, SCALE, TALL, WORDS, Frame, look
from mnist_lab.charts.vega import accuracy, apart, percent, shares

_DODGE = 9.0  # pixels between the intervals of two lines at one level
_SEEDS_FADE = 12  # of more seeds the lines are paler
_NUMBER = 66  # pixels that a mean below its level takes


def levels(seeds: pd.DataFrame, cells: pd.DataFrame, factor: str, metric: str) -> alt.LayerChart:
    """Accuracy by level: a thin line for each seed, and of each level the mean with its 95 % interval; as a number it stands
    below its level, where no line crosses it.

    Args:
        seeds: `level`, `seed`, `value` (a share; NaN where a run has no result, where the line is broken).
        cells: a row for each level in their order, `level`, `mean`, `low`, `high` (NaN where there is no interval), `n`,
            `note` (such as `2 diverged`, below them; empty where there is nothing to say).
        factor: what varies; metric: the title of the other axis.
    """
    shown = shares(seeds["value"], cells["mean"], cells["low"], cells["high"])
    below = {
        row["level"]: [*([f"{row['mean']:.2%}"] if pd.notna(row["mean"]) else []), *filter(None, [row["note"]])]
        for _, row in cells.iterrows()
    }
    x = _along(cells["level"].tolist(), factor, below=below)
    each = alt.Chart(seeds).encode(
        x=x,
        y=accuracy(alt.Y, "value", metric, shown),
        detail="seed:N",
        tooltip=[alt.Tooltip("level:N", title=factor), "seed:N", percent("value", metric)],
    )
    opacity = 0.55 if seeds["seed"].nunique() <= _SEEDS_FADE else 0.35
    lines = each.mark_line(strokeWidth=1, color=GREY, opacity=opacity)
    dots = each.mark_point(filled=True, size=28, color=GREY, opacity=opacity + 0.15)
    base = alt.Chart(cells).encode(x=x)
    interval = base.mark_rule(strokeWidth=3, color=BLUE).encode(y=accuracy(alt.Y, "low", metric, shown), y2="high:Q")
    means = base.mark_point(filled=True, size=190, color=BLUE, opacity=1).encode(
        y=accuracy(alt.Y, "mean", metric, shown),
        tooltip=[
            alt.Tooltip("level:N", title=factor),
            alt.Tooltip("n:Q", title="seeds"),
            percent("mean"),
            percent("low", "95 % from"),
            percent("high", "95 % to"),
        ],
    )
    chart: alt.LayerChart = (lines + dots + interval + means).properties(height=TALL)
    return chart


def interaction(
    cells: pd.DataFrame, factors: tuple[str, str], metric: str, frame: Frame | None = None
) -> alt.LayerChart:
    """Mean accuracy by level of the first factor, a line for each level of the second with its name at its end; lines that
    are parallel say that the one makes as much of a difference whatever the other is.

    Lines differ in colour, dash and shape. Their points stand side by side, so that no interval hides another.

    Args:
        cells: a row for each combination in their order, `first` and `second` (its levels), `mean`, `low`, `high` (NaN where
            there is no interval), `n`.
        factors: the titles of both.
        frame: the part of the scale that is drawn, which intervals may leave; all of them where None.
    """
    first, second = factors
    order = list(dict.fromkeys(cells["first"]))
    others = list(dict.fromkeys(cells["second"]))
    shown = frame or shares(cells["mean"], cells["low"], cells["high"])
    x = _along(order, first, column="first", names_at_end=True)
    layers: list[alt.Chart] = []
    for number, level in enumerate(others):
        drawn = look(number)
        shift = (number - (len(others) - 1) / 2) * _DODGE
        base = alt.Chart(cells[cells["second"] == level]).encode(x=x)
        y = accuracy(alt.Y, "mean", metric, shown)
        dash: dict[str, Any] = {"strokeDash": list(drawn.dash)} if drawn.dash else {}
        layers += [
            base.mark_line(strokeWidth=2, color=drawn.colour, xOffset=shift, **dash).encode(y=y),
            base.mark_rule(strokeWidth=2.5, color=drawn.colour, xOffset=shift, x2Offset=shift, clip=True).encode(
                y=accuracy(alt.Y, "low", metric, shown), y2="high:Q"
            ),
            base.mark_point(
                filled=True, size=150, opacity=1, color=drawn.colour, shape=drawn.shape, xOffset=shift
            ).encode(
                y=y,
                tooltip=[
                    alt.Tooltip("first:N", title=first),
                    alt.Tooltip("second:N", title=second),
                    alt.Tooltip("n:Q", title="seeds"),
                    percent("mean"),
                    percent("low", "95 % from"),
                    percent("high", "95 % to"),
                ],
            ),
        ]
    ends = cells.dropna(subset="mean").groupby("second", sort=False).tail(1).sort_values("mean")
    looks_ = {level: look(number) for number, level in enumerate(others)}
    ends = ends.assign(
        place=apart(ends["mean"], shown),
        label=[f"{second.partition(' (')[0]} {level}" for level in ends["second"]],
        colour=[looks_[level].colour for level in ends["second"]],
        shape=[looks_[level].shape for level in ends["second"]],
    )
    last = alt.Chart(ends).encode(y=accuracy(alt.Y, "place", metric, shown), x=alt.value(alt.expr(_width())))
    layers += [
        last.mark_point(filled=True, opacity=1, size=90, xOffset=6).encode(
            color=alt.Color("colour:N", scale=None), shape=alt.Shape("shape:N", scale=None)
        ),
        last.mark_text(
            **WORDS,
            align="left",
            baseline="middle",
            dx=16,
            limit=alt.expr(f"({NAMES_TAKE}) - {18} * {SCALE}"),
            text=alt.expr(f"{NARROW} ? datum.second : datum.label"),
        ),
    ]
    chart = alt.LayerChart(layer=layers).properties(height=TALL)
    assert isinstance(chart, alt.LayerChart)
    return chart


def _width() -> str:
    """The width that is left to the levels where names stand beside them."""
    return f"width - ({NAMES_TAKE})"


def _along(
    order: Sequence[str],
    factor: str,
    *,
    column: str = "level",
    names_at_end: bool = False,
    below: dict[str, list[str]] | None = None,
) -> alt.X:
    """The axis of levels in their order, with lines of words below each where there is room; a long name is written in several
    lines, and cut where even these lack room."""
    room = _width() if names_at_end else "width"
    reach: dict[str, Any] = {"range": [0, alt.expr(room)]} if names_at_end else {}
    each = f"({room}) / {len(order)}"
    names = {level: level.split(" · ") for level in order}
    with_words = {level: [*lines, *(below or {}).get(level, [])] for level, lines in names.items()}
    written = f"{json.dumps(names, ensure_ascii=False)}[datum.value]"
    if below:
        written = (
            f"{each} < {_NUMBER} * {SCALE} ? {written} : {json.dumps(with_words, ensure_ascii=False)}[datum.value]"
        )
    axis = alt.Axis(
        labelAngle=0,
        labelOverlap=False,
        labelExpr=written,
        labelLimit=alt.expr(f"{each} - 6 * {SCALE}"),
        labelLineHeight=alt.expr(f"19 * {SCALE}"),
        grid=False,
    )
    scale = alt.Scale(type="point", domain=list(order), padding=0.5, **reach)
    return alt.X(f"{column}:N", title=factor, sort=None, scale=scale, axis=axis)
