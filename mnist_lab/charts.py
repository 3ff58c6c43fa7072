"""Tables in, Altair charts out. Colours come from the theme; a shape or a dash says the same without colour."""

import functools
from typing import Any

import altair as alt
import pandas as pd

Spec = dict[str, Any]


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


def reproduction(network: str, points: pd.DataFrame) -> alt.LayerChart:
    """Validation accuracy by epoch of one of the notebook's networks: its own log dashed, our runs solid."""
    who = ["notebook, 2019", "this lab"]
    base = alt.Chart(points).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[0, 12]), axis=alt.Axis(tickMinStep=2, format="d")),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0.85, 1], clamp=True), axis=alt.Axis(format=".0%")),
        color=alt.Color("who:N", scale=alt.Scale(domain=who), legend=None),
        detail="line:N",
        tooltip=["line:N", "epoch:Q", alt.Tooltip("value:Q", title="validation accuracy", format=".2%")],
    )
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash("who:N", scale=alt.Scale(domain=who, range=[[5, 3], [1, 0]]), legend=None)
    )
    marks = base.mark_point(filled=True, size=35).encode(
        shape=alt.Shape("who:N", scale=alt.Scale(domain=who, range=["square", "circle"]), legend=None)
    )
    chart: alt.LayerChart = (lines + marks).properties(title=network, height=240)
    return chart


@functools.lru_cache(maxsize=64)
def schedule(epochs: int) -> Spec:
    """The learning rate over training, small: a specification without its data, a table of epoch and learning_rate."""
    chart = (
        alt.Chart(alt.NamedData("rates"))
        .mark_line()
        .encode(
            x=alt.X("epoch:Q", scale=alt.Scale(domain=[0, epochs]), axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("learning_rate:Q", title="learning rate", scale=alt.Scale(zero=True)),
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
