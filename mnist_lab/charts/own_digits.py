"""The chart of how well networks read people's own digits."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from mnist_lab.charts.style import MIDDLE, POINT, Look
from mnist_lab.charts.vega import accuracy, legend, percent, upright

_ALL = (0.0, 1.0)


def by_digit(points: pd.DataFrame, networks: Mapping[str, Look]) -> alt.LayerChart:
    """Accuracy by digit with intervals, the networks beside each other: `network`, `digit`, `accuracy`, `low`, `high`, `right`,
    `of`."""
    names = list(networks)
    base = alt.Chart(points).encode(
        x=alt.X("digit:O", title="digit", axis=upright(), scale=alt.Scale(domain=list(range(10)))),
        xOffset=alt.XOffset("network:N", scale=alt.Scale(domain=names)),
        color=alt.Color(
            "network:N",
            title=None,
            scale=alt.Scale(domain=names, range=[look.colour for look in networks.values()]),
            legend=legend() if len(names) > 1 else None,
        ),
        tooltip=["network:N", "digit:O", percent("accuracy"), percent("low"), percent("high"), "right:Q", "of:Q"],
    )
    rules = base.mark_rule(strokeWidth=2).encode(y=accuracy(alt.Y, "low", "right of our digits", _ALL), y2="high:Q")
    shapes = alt.Scale(domain=names, range=[look.shape for look in networks.values()])
    marks = base.mark_point(**POINT, opacity=1).encode(
        y=accuracy(alt.Y, "accuracy", "right of our digits", _ALL),
        shape=alt.Shape("network:N", title=None, scale=shapes, legend=legend() if len(names) > 1 else None),
    )
    chart: alt.LayerChart = (rules + marks).properties(height=MIDDLE)
    return chart
