"""Guesses beside their outcome: a dot for each where a number was asked, a bar for each option where the best was."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.style import BLUE, INK_OF_PAGE, ORANGE, SCALE, VERMILION, WORDS, Frame, percent_format

BINS = 48  # of all that is drawn along the axis
_ROW_OF_OPTION = 56  # pixels of an option, with its name above its bar
_AXIS_HEIGHT = 64
_HEIGHT, _MOST_DOT, _LEAST_DOT, _LEAST_OWN = 240, 18.0, 3.0, 11.0  # pixels
_FAR = 4.0  # times the width of the middle half: guesses further out would press all others together
_MINE, _OTHERS = "your guess", "a guess"


def shown(numbers: Sequence[float], *always: float) -> Frame:
    """The part of the axis that is drawn: of few guesses all, else without those far away from most; and always some values."""
    every = np.asarray([*numbers], float)
    near = every
    if len(every) >= 8:
        low, high = np.quantile(every, (0.25, 0.75), method="nearest")
        reach = _FAR * max(high - low, 0.01 * abs(float(np.median(every))), 1e-9)
        near = every[(every >= low - reach) & (every <= high + reach)]
    found = np.asarray([*near, *always], float)
    if not len(found):
        return 0.0, 1.0
    low, high = float(found.min()), float(found.max())
    margin = max(0.06 * (high - low), 0.002 * max(abs(high), 1e-9))
    return low - margin, high + margin


def outside(numbers: Sequence[float], frame: Frame) -> list[float]:
    """The guesses that are not in the picture, from low to high."""
    return sorted(number for number in numbers if not frame[0] <= number <= frame[1])


def dots(numbers: Sequence[float], mine: float | None, frame: Frame) -> pd.DataFrame:
    """A row a guess in the frame: `at`, the middle of its bin; `level`, its place in the bin's pile from 1; `number`; `who`. One's
    own is at the bottom of its pile."""
    edges = np.linspace(*frame, BINS + 1)
    inside = sorted(number for number in numbers if frame[0] <= number <= frame[1])
    rows = pd.DataFrame({"number": np.asarray(inside, float), "who": _OTHERS})
    if mine is not None and mine in inside:
        rows.loc[inside.index(mine), "who"] = _MINE
    place = np.clip(np.searchsorted(edges, rows["number"].to_numpy(float), side="right") - 1, 0, BINS - 1)
    rows = rows.assign(at=(edges[place] + edges[place + 1]) / 2).sort_values("who", ascending=False, kind="stable")
    rows["level"] = rows.groupby("at").cumcount() + 1
    found: pd.DataFrame = rows.sort_values(["at", "level"], ignore_index=True)[["at", "level", "number", "who"]]
    return found


def numbers(
    guesses: Sequence[float], outcome: float | None, mine: float | None, title: str, *, is_share: bool
) -> alt.LayerChart:
    """Each guess a dot, those near to one another in a pile; the outcome a line with its value; one's own a diamond.

    Args:
        guesses: of all, one's own among them: shares, or seconds.
        outcome: None where nothing was measured, and then nothing is drawn of it.
    """
    low, high = shown(guesses, *(value for value in (outcome, mine) if value is not None))
    frame = max(0.0, low), min(1.0, high) if is_share else high
    points = dots(guesses, mine, frame)
    top = max(4, int(points["level"].max()) if len(points) else 0)
    room = (_HEIGHT - _AXIS_HEIGHT) / (top + 2)  # pixels of a dot; above the pile there are the outcome's words
    size = float(np.clip(0.9 * room, _LEAST_DOT, _MOST_DOT))
    x_axis = alt.Axis(format=percent_format(frame) if is_share else ",~g", tickCount=6, grid=False)
    scale = alt.Scale(domain=list(frame), nice=False)
    height = alt.Scale(domain=[0, top + 2], nice=False)

    def x(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title=title, scale=scale, axis=x_axis)

    value = alt.Tooltip("number:Q", title="guess", format=".2%" if is_share else ",.1f")
    base = alt.Chart(points).encode(x=x("at"), y=alt.Y("level:Q", title=None, axis=None, scale=height))
    others = base.transform_filter(alt.datum.who == _OTHERS).mark_point(
        filled=True, size=size**2, opacity=1, color=BLUE, shape="circle"
    )
    own = base.transform_filter(alt.datum.who == _MINE).mark_point(
        filled=True, size=max(1.5 * size, _LEAST_OWN) ** 2, opacity=1, color=ORANGE, stroke=INK_OF_PAGE, shape="diamond"
    )
    layers = [others.encode(tooltip=["who:N", value]), own.encode(tooltip=["who:N", value])]
    y = alt.Y("level:Q", axis=None, scale=height)
    if outcome is not None:
        row = pd.DataFrame(
            {"at": [outcome], "level": [top + 1.6], "words": [f"it was {_said(outcome, is_share=is_share)}"]}
        )
        one = alt.Chart(row).encode(x=x("at"))
        is_right = outcome > (frame[0] + frame[1]) / 2
        side: dict[str, Any] = {"align": "right", "dx": -8} if is_right else {"align": "left", "dx": 8}
        layers.append(one.mark_rule(color=VERMILION, strokeWidth=3))
        layers.append(one.mark_text(**WORDS, **side, fontWeight="bold").encode(y=y, text="words:N"))
    if len(its := points[points["who"] == _MINE]):
        pile = points[points["at"] == its["at"].iloc[0]]
        row = pd.DataFrame({"at": its["at"], "level": [pile["level"].max()], "words": ["you"]})
        above = alt.Chart(row).mark_text(**WORDS, fontWeight="bold", dy=-24)
        layers.append(above.encode(x=x("at"), y=y, text="words:N"))
    return alt.LayerChart(layer=layers, height=_HEIGHT)


def options(names: Sequence[str], counts: Sequence[int], right: int | None, mine: int | None) -> alt.LayerChart:
    """How many chose each option: a bar with its number, its name above it; the right one and one's own are said in words.

    Args:
        right: the place of the option that came out; None where that is not decided.
        mine: the place of one's own.
    """
    rows = pd.DataFrame({"name": list(names), "count": list(counts)})
    rows["is_right"] = [place == right for place in range(len(rows))]
    notes = [
        " · ".join(filter(None, ["came out" if place == right else "", "your guess" if place == mine else ""]))
        for place in range(len(rows))
    ]
    rows["label"] = [f"{name} · {note}" if note else name for name, note in zip(names, notes, strict=True)]
    y = alt.Y("name:N", title=None, sort=list(names), axis=None, scale=alt.Scale(padding=0.1))
    end = max(1, *counts)
    x = alt.X(
        "count:Q",
        title="guesses",
        scale=alt.Scale(domain=[0, end * 1.08], nice=False),
        axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5, grid=False),
    )
    base = alt.Chart(rows).encode(y=y)
    colour = alt.Color("is_right:N", legend=None, scale=alt.Scale(domain=[True, False], range=[VERMILION, BLUE]))
    bars = base.mark_bar(height={"band": 0.36}, yOffset=alt.expr(f"10 * {SCALE}")).encode(
        x=x, color=colour, tooltip=["name:N", "count:Q"]
    )
    names_ = base.mark_text(**WORDS, align="left", dy=-12).encode(x=alt.value(0), text="label:N")
    numbers_ = base.mark_text(**WORDS, align="left", dx=6, dy=10).encode(x=x, text="count:Q")
    chart: alt.LayerChart = (bars + names_ + numbers_).properties(height=_AXIS_HEIGHT + _ROW_OF_OPTION * len(rows))
    return chart


def _said(number: float, *, is_share: bool) -> str:
    return f"{100 * number:.2f} %" if is_share else f"{number:,.1f} s"
