"""What the charts that Altair makes have in common."""

from collections.abc import Iterable
from typing import Any, TypeVar

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.style import SCALE, TICKS_ACROSS, TICKS_UP, Frame, Spec, larger, percent_format, quiet

Place = TypeVar("Place", alt.X, alt.Y)
_MARGIN = 0.04


def shares(*columns: pd.Series) -> Frame:
    """The part of a scale of accuracies that is a little wider than its data, and never below 0 or above 1."""
    found = np.concatenate([column.to_numpy(float) for column in columns])
    found = found[np.isfinite(found)].clip(0, 1)
    if not len(found):
        return 0.0, 1.0
    low, high = float(found.min()), float(found.max())
    margin = max(_MARGIN * (high - low), 0.001)
    return max(0.0, low - margin), min(1.0, high + margin)


def accuracy(place: type[Place], column: str, title: str | None, shown: Frame) -> Place:
    """An axis of accuracies over just the given part of their scale.

    Every layer of a chart needs it: the scale of a layer without would begin at 0, and the chart's with it.
    """
    scale = alt.Scale(domain=list(shown), nice=False)
    ticks = alt.ExprRef(TICKS_ACROSS if place is alt.X else TICKS_UP)
    axis = alt.Axis(format=percent_format(shown), tickCount=ticks)
    return place(f"{column}:Q", title=title, scale=scale, axis=axis)


def percent(column: str, title: str | None = None) -> alt.Tooltip:
    """A share in a tooltip."""
    return alt.Tooltip(f"{column}:Q", title=title or column.replace("_", " "), format=".2%")


def upright(**options: Any) -> alt.Axis:
    """An axis of small whole numbers, such as digits, that stand upright; where they lack room, some are left out."""
    return alt.Axis(labelAngle=0, labelOverlap=True, **options)


def legend() -> alt.Legend:
    """A legend below the chart, where it wraps: at its side it would make the chart narrow."""
    columns = f"clamp(floor(width / (240 * {SCALE})), 1, 3)"
    return alt.Legend(
        orient="bottom",
        columns=alt.ExprRef(columns),
        labelLimit=alt.ExprRef(f"width / {columns} - 40 * {SCALE}"),
    )


def apart(values: Iterable[float], shown: Frame) -> list[float]:
    """Where words beside some values, in ascending order, are placed on a scale: near to their values and on no other word."""
    at = np.clip(np.asarray(list(values), float), *shown)
    if not len(at):
        return []
    least = min(0.06, 1 / len(at)) * (shown[1] - shown[0])
    places: list[float] = []
    for value in at:
        places.append(max(float(value), places[-1] + least) if places else float(value))
    over = max(0.0, places[-1] - shown[1])
    for i in reversed(range(len(places))):  # those at the top push the others down as far as they must
        limit = places[i + 1] - least if i + 1 < len(places) else places[i] - over
        places[i] = min(places[i], limit)
    return places


def styled(chart: Any, scale: float) -> Any:
    """A chart in the quiet style, all of it larger than it says by `scale` but for a width that is the page's, as
    `style.enlarged`. It is changed in place: each of Altair's own ways takes a copy, which takes longer than the rest."""
    for name in ("width", "height"):
        if isinstance(chart[name], int):
            chart[name] = round(chart[name] * scale)
    for part in chart.layer if isinstance(chart, alt.LayerChart) else [chart]:
        if isinstance(part.mark, alt.MarkDef):
            part.mark = alt.MarkDef(**larger(part.mark.to_dict(validate=False), scale))
    chart.config = alt.Config(**quiet(scale))
    others = [] if chart.params is alt.Undefined else chart.params
    chart.params = [*others, alt.VariableParameter(name=SCALE, value=scale)]
    return chart


def without_data(chart: alt.TopLevelMixin) -> Spec:
    """A chart's specification; its data goes beside it."""
    spec: Spec = chart.to_dict()
    del spec["data"]
    return spec
