"""The Train page's charts: tables in, Vega-Lite specifications out, which stay the same while a run trains.

Colours come from the theme or are safe for the colour-blind; a shape, a dash or a word says the same without colour.
"""

import functools
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.style import (
    INK_OF_PAGE,
    MIDDLE,
    MORE_RIGHT,
    SCALE,
    TICKS_UP,
    VERMILION,
    Frame,
    Look,
    Spec,
    percent_format,
)
from mnist_lab.charts.vega import upright, without_data
from mnist_lab.charts.work import AXES, Axis, Work
from mnist_lab.training.reports import Snapshot

BATCHES, EPOCHS, VALIDATION, ENDS = "training, by batch", "training, epoch mean", "validation", "end"
# What two lines of words take: of the height of the lowest chart on a page, and of that on the stage.
_LINE_OF_WORDS, _STAGED_LINE = 0.17, 0.125
_ROOM = f"width - min(170 * {SCALE}, 0.36 * width)"  # how far lines reach, in pixels: what is left beside their names
_TITLES = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}


def curve_points(
    epochs: pd.DataFrame,
    batches: pd.DataFrame,
    metric: str,
    work: Work,
    axis: Axis,
    *,
    run: str = "",
    number: int = 0,
) -> pd.DataFrame:
    """The long table that `curves` draws: `x`, `value`, `series`, `kind`, `run`, `line`, `epoch` (of validation), and the columns of `ends`.

    Args:
        epochs: the log's lines; batches: the points of the training curve; metric: `loss` or `accuracy`;
            run: what the line is called; number: its place among the lines of the chart.
    """

    def part(x: pd.Series, y: pd.Series, series: str, kind: str, epoch: Any = 0.0) -> pd.DataFrame:
        columns = {
            "x": x,
            "value": y.astype(float),
            "series": series,
            "kind": kind,
            "run": run,
            "line": f"line{number}",
            "epoch": epoch,
        }
        return pd.DataFrame(columns | {"words": "", "place": np.nan})

    # A stopped epoch is drawn where it stopped, not where it would have ended.
    steps = (epochs["epoch"] - 1) * work.steps_per_epoch + epochs["steps"]
    at = work.along(axis, steps, epochs["seconds"].cumsum())
    return pd.concat(
        [
            part(work.along(axis, batches["step"], batches["seconds"]), batches[metric], "training", BATCHES),
            part(at, epochs[metric], "training", EPOCHS),
            part(at, epochs[f"validation_{metric}"], "validation", VALIDATION, epochs["epoch"].astype(float)),
        ],
        ignore_index=True,
    )


@dataclass(frozen=True)
class Line:
    """A run in a chart: what its line is called, which is unique in the chart, and how its design is drawn."""

    label: str
    look: Look


def ends(points: pd.DataFrame, shown: Frame, metric: str, *, is_staged: bool = False) -> pd.DataFrame:
    """The rows that name the lines of `curve_points` at their ends: `x` and `value` of the last point, `words`, and `place`, where
    on the scale the words stand, so that none lies on another.

    Of one run both lines are named, of several, and on the stage, the validation of each, or its training while there is no
    more.
    """
    # Where an epoch has ended, the training of all of it, rather than of its last few batches.
    lines = points[points["kind"].isin([BATCHES, EPOCHS, VALIDATION])].sort_values("x", kind="stable")
    last = lines.groupby(["run", "series"], sort=False).tail(1)
    if is_staged or last["run"].nunique() > 1:
        last = last.sort_values("series").groupby("run", sort=False).tail(1)  # validation comes after training
        names = last["run"]
    else:
        names = last["series"]
    number = [f"{100 * value:.2f} %" if metric == "accuracy" else f"{value:.4f}" for value in last["value"]]
    found = last.assign(kind=ENDS, words=[f"{name}\n{value}" for name, value in zip(names, number, strict=True)])
    line = _STAGED_LINE if is_staged else _LINE_OF_WORDS
    return found.assign(place=apart(found["value"].to_numpy(float), shown, line))


def apart(values: np.ndarray, shown: Frame, line: float = _LINE_OF_WORDS) -> np.ndarray:
    """Places on a scale for words about values: as near to them as they can be without lying on one another, all within.

    Args:
        line: what the words take of the scale's length.
    """
    low, high = shown
    least = min(line, 1 / max(len(values), 1)) * (high - low)
    order = np.argsort(values, kind="stable")
    places = values[order].clip(low, high).astype(float)
    for up in range(1, len(places)):
        places[up] = max(places[up], places[up - 1] + least)
    top = high
    for down in reversed(range(len(places))):
        places[down] = top = min(places[down], top)
        top -= least
    found = np.empty(len(values))
    found[order] = places
    return found


@functools.lru_cache(maxsize=128)
def curves(
    metric: str, axis: Axis, end: float, shown: Frame, lines: tuple[Line, ...], *, is_staged: bool = False
) -> Spec:
    """The specification of a live chart, without its data: a table of `curve_points` with its `ends` goes beside it.

    It depends on little that changes while a run trains, so the chart on the page is updated, and seldom rebuilt. A run
    has the look of its design; training is thin, validation thick and with points.

    Args:
        metric: `loss` or `accuracy`; end: where the axis ends; shown: the scale (`frames.whole`), or the part of it
            that is drawn (`frames.frame`): lines leave it, and none is clamped.
        is_staged: whether it is looked at from afar, and nobody points at it: validation alone, and no tooltips.
    """
    names = [line.label for line in lines]
    is_accuracy = metric == "accuracy"
    whole: Spec = {"tickMinStep": 1} if axis in ("epochs", "batches") else {}
    y_axis = {
        "format": percent_format(shown) if is_accuracy else "~g",
        "tickCount": {"expr": TICKS_UP},
    }
    x: Spec = {
        "field": "x",
        "type": "quantitative",
        "title": AXES[axis],
        # To the right of the lines there is room for their names, so that these stand still.
        "scale": {"domain": [0, end], "range": [0, {"expr": _ROOM}]},
        "axis": {"format": ",~f", "grid": False, **whole},
    }
    y: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": list(shown), "nice": False},
        "axis": y_axis,
    }
    colour = _by_run(names, [line.look.colour for line in lines])
    dash = _by_run(names, [list(line.look.dash) or [1, 0] for line in lines])
    shape = _by_run(names, [line.look.shape for line in lines])
    tooltip = [
        {"field": "run", "type": "nominal"},
        {"field": "kind", "type": "nominal", "title": "what"},
        {"field": "x", "type": "quantitative", "title": AXES[axis], "format": ".2f"},
        {"field": "value", "type": "quantitative", "title": metric, "format": ".2%" if is_accuracy else ".4f"},
    ]

    def layer(kind: str, mark: Spec, **encoding: Any) -> Spec:
        return {
            "transform": [{"filter": {"field": "kind", "equal": kind}}],
            "mark": {"clip": True, **mark},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                **({} if is_staged else {"tooltip": tooltip}),
                **encoding,
            },
        }

    thin, thick = {"strokeWidth": 1.5, "opacity": 0.55}, {"strokeWidth": 3}
    means = [layer(EPOCHS, {"type": "point", "filled": False, "size": 50}, shape={"value": "circle"})]
    training = [layer(BATCHES, {"type": "line", **thin}), *(means if len(lines) == 1 else [])]
    return {
        **({} if is_staged else {"title": {"text": _TITLES[metric], "offset": 4}}),
        "layer": [
            *([] if is_staged else training),
            layer(VALIDATION, {"type": "line", **thick}, strokeDash=dash),
            layer(VALIDATION, {"type": "point", "filled": True, "size": 90, "opacity": 1}, shape=shape),
            _leaders(x, y, colour, end, shown, is_staged=is_staged),
            _words(x, y, end),
            *([] if is_staged else _all_at_once(x, lines, end, metric)),
        ],
        "width": "container",
        "height": "container",
        "padding": {"left": 5, "right": 5, "top": 5, "bottom": 5},
    }


def _by_run(names: list[str], values: list[Any]) -> Spec:
    return {"field": "run", "type": "nominal", "scale": {"domain": names, "range": values}, "legend": None}


def _leaders(x: Spec, y: Spec, colour: Spec, end: float, shown: Frame, *, is_staged: bool) -> Spec:
    """From the end of a line, which moves while it trains, to its name, which does not: so the name needs no point beside
    it, which would look like a measured one. From afar a thin line would look like a measured one too: there it is dotted."""
    dotted: Spec = {"strokeDash": [1, 5], "strokeCap": "round", "opacity": 0.8} if is_staged else {}
    return {
        "transform": [
            {"filter": {"field": "kind", "equal": ENDS}},
            {"filter": {"field": "value", "range": list(shown)}},
        ],
        "mark": {"type": "rule", "strokeWidth": 1.5, "x2Offset": 14, **dotted},
        "encoding": {"x": x, "x2": {"datum": end}, "y": y, "y2": {"field": "place"}, "color": colour},
    }


def _words(x: Spec, y: Spec, end: float) -> Spec:
    at = {"x": {**x, "field": None, "datum": end}, "y": {**y, "field": "place"}}
    at["x"].pop("field")
    text = {
        "type": "text",
        "align": "left",
        "lineBreak": "\n",
        "fontWeight": "bold",
        "dx": 18,
        "dy": -7,
        "limit": 150,
        "color": INK_OF_PAGE,
    }
    return {
        "transform": [{"filter": {"field": "kind", "equal": ENDS}}],
        "mark": text,
        "encoding": {**at, "text": {"field": "words", "type": "nominal"}},
    }


def _all_at_once(x: Spec, lines: tuple[Line, ...], end: float, metric: str) -> list[Spec]:
    """Under the pointer, the validation of all runs after the same epoch."""
    number, hovered = ".2%" if metric == "accuracy" else ".4f", f"hovered_{metric}"
    # A name may have anything in it, and Vega reads the name of a field as a path.
    tooltip: list[Spec] = [{"field": "epoch", "type": "quantitative", "title": "after epoch"}]
    tooltip += [
        {"field": f"line{i}", "type": "quantitative", "title": line.label, "format": number}
        for i, line in enumerate(lines)
    ]
    return [
        {
            "transform": [
                {"filter": {"field": "kind", "equal": VALIDATION}},
                {"joinaggregate": [{"op": "max", "field": "x", "as": "at"}], "groupby": ["epoch"]},
                {"pivot": "line", "value": "value", "groupby": ["epoch", "at"]},
            ],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {
                "x": {**x, "field": "at"},
                "tooltip": tooltip,
                "opacity": {"condition": {"param": hovered, "empty": False, "value": 0.5}, "value": 0},
            },
            "params": [
                {
                    "name": hovered,
                    "select": {
                        "type": "point",
                        "on": "pointerover",
                        "nearest": True,
                        "clear": "pointerout",
                        "fields": ["epoch"],
                    },
                }
            ],
        }
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
    frame = one.mark_rect(aria=False, fillOpacity=0, stroke=VERMILION, strokeWidth=2)
    return without_data((cells + frame).properties(height=MIDDLE, width="container"))
