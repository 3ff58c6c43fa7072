"""Tables in, Altair charts out. Colours come from the theme; a shape or a dash says the same without colour."""

import functools
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mnist_lab.numerals import counted

Spec = dict[str, Any]
Frame = tuple[float, float]
_FLOORS = (0.98, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.0)
_LOWEST_CEILING = 0.05
_MARGIN = 0.04


def frame(metric: str, x: ArrayLike, values: ArrayLike, runs: ArrayLike) -> Frame:
    """The part of the scale where the later half of some curves lies, for a closer look; the earlier may leave it.

    Its ends are few and round, so that it seldom changes while a run trains.

    Args:
        metric: `loss` or `accuracy`; x, values, runs: the curves' points, all of the same length.
    """
    at, all_values, names = np.asarray(x, float), np.asarray(values, float), np.asarray(runs, str)
    late = [all_values[(names == name) & (at >= at[names == name].max() / 2)] for name in np.unique(names)]
    found = np.concatenate([*late, np.array([], float)])
    found = found[np.isfinite(found)]
    if metric == "accuracy":
        return next(floor for floor in _FLOORS if not len(found) or floor <= found.min() or not floor), 1.0
    return 0.0, _ceiling(found, _LOWEST_CEILING, (1, 2, 5, 10))


def whole(metric: str, values: ArrayLike) -> Frame:
    """The scale that all of some values fit on."""
    return (0.0, 1.0) if metric == "accuracy" else (0.0, end(values))


def end(values: ArrayLike) -> float:
    """Where an axis from 0 ends that all of some values fit on: round, so that it seldom moves while they grow.

    A chart is told so, rather than left to find it in its data: of none, as at first, it would say in a browser's
    console that their extent is infinite.
    """
    return _ceiling(np.asarray(values, float), 0.01, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))


def _ceiling(values: np.ndarray, least: float, steps: tuple[float, ...]) -> float:
    """The first of some steps, times a power of ten, that no finite value is above."""
    found = values[np.isfinite(values)]
    highest = max(least, float(found.max()) if len(found) else 0.0)
    power = 10.0 ** np.floor(np.log10(highest))
    return float(next(step * power for step in steps if step * power >= highest * (1 - 1e-9)))


def outside(metric: str, values: ArrayLike, shown: Frame) -> str:
    """What lies outside a frame, in words: how many points, and how far; empty where nothing does."""
    found = np.asarray(values, float)
    if metric == "accuracy":
        low = found[found < shown[0]]
        return (
            f"{counted(len(low), 'point')} of accuracy below {shown[0]:.0%}, the lowest {low.min():.1%}"
            if len(low)
            else ""
        )
    high = found[found > shown[1]]
    return (
        f"{counted(len(high), 'point')} of loss above {shown[1]:g}, the highest {high.max():.3g}" if len(high) else ""
    )


def shares(*columns: pd.Series) -> alt.Scale:
    """A scale of accuracies that goes a little beyond its data, and never below 0 or above 1."""
    found = np.concatenate([column.to_numpy(float) for column in columns])
    found = found[np.isfinite(found)].clip(0, 1)
    if not len(found):
        return alt.Scale(domain=[0, 1], nice=False)
    low, high = float(found.min()), float(found.max())
    margin = max(_MARGIN * (high - low), 0.001)
    return alt.Scale(domain=[max(0.0, low - margin), min(1.0, high + margin)], nice=False)


def reproduction_points(network: str, notebook_epochs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """The long table that `reproduction` draws for one network: `epoch`, `value`, `who`, `line`.

    Args:
        notebook_epochs: name, epoch, validation_accuracy; ours: the same and run_id.
    """
    theirs = notebook_epochs.assign(who="notebook, 2019", line="notebook")
    own = ours.assign(who="this lab", line="run " + ours["run_id"].astype(str))
    columns = ["epoch", "validation_accuracy", "who", "line"]
    both = pd.concat([part.loc[part["name"] == network, columns] for part in (theirs, own)], ignore_index=True)
    return both.rename(columns={"validation_accuracy": "value"})


def reproduction(network: str, points: pd.DataFrame, shown: Frame) -> alt.LayerChart:
    """Validation accuracy by epoch of one of the notebook's networks: its own log dashed, our runs solid.

    Args:
        shown: the part of the scale that is drawn; lines leave it.
    """
    who = ["notebook, 2019", "this lab"]
    base = alt.Chart(points).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            scale=alt.Scale(domain=[0, 12.4], nice=False),
            axis=alt.Axis(values=list(range(0, 13, 2)), format="d"),
        ),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=list(shown)), axis=alt.Axis(format=".0%")),
        color=alt.Color("who:N", scale=alt.Scale(domain=who), legend=None),
        detail="line:N",
        tooltip=["line:N", "epoch:Q", alt.Tooltip("value:Q", title="validation accuracy", format=".2%")],
    )
    lines = base.mark_line(clip=True).encode(
        strokeDash=alt.StrokeDash("who:N", scale=alt.Scale(domain=who, range=[[5, 3], [1, 0]]), legend=None)
    )
    marks = base.mark_point(filled=True, size=35, clip=True).encode(
        shape=alt.Shape("who:N", scale=alt.Scale(domain=who, range=["square", "circle"]), legend=None)
    )
    chart: alt.LayerChart = (lines + marks).properties(title=network, height=240)
    return chart


@functools.lru_cache(maxsize=64)
def schedule(epochs: int, highest: float) -> Spec:
    """The learning rate over training, small: a specification without its data, a table of epoch and learning_rate."""
    chart = (
        alt.Chart(alt.NamedData("rates"))
        .mark_line()
        .encode(
            x=alt.X("epoch:Q", scale=alt.Scale(domain=[0, epochs]), axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("learning_rate:Q", title="learning rate", scale=alt.Scale(domain=[0, highest])),
            tooltip=[alt.Tooltip("epoch:Q", format=".2f"), alt.Tooltip("learning_rate:Q", format=".3g")],
        )
        .properties(height=140)
    )
    return without_data(chart)


def without_data(chart: alt.TopLevelMixin) -> Spec:
    """A chart's specification; its data goes beside it."""
    spec: Spec = chart.to_dict()
    del spec["data"]
    return spec
