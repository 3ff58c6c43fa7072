"""Tables in, Altair charts out. Colours come from the theme; a shape or a dash says the same without colour."""

import functools
from typing import Any

import altair as alt
import pandas as pd

Spec = dict[str, Any]

SERIES = ("training", "validation")
BATCHES, EPOCHS, VALIDATION = "training, by batch", "training, epoch mean", "validation"
_TITLES = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}
_ZOOM = {"loss": [0, 0.5], "accuracy": [0.9, 1]}
_HEIGHT = 300


def curve_points(epochs: pd.DataFrame, batches: pd.DataFrame, metric: str, steps_per_epoch: int) -> pd.DataFrame:
    """The long table that `curves` draws: `epoch` (a share of one for batches), `value`, `series`, `kind`.

    Args:
        epochs: the log's lines; batches: the points of the training curve; metric: `loss` or `accuracy`.
    """

    def part(x: pd.Series, y: pd.Series, series: str, kind: str) -> pd.DataFrame:
        return pd.DataFrame({"epoch": x.astype(float), "value": y.astype(float), "series": series, "kind": kind})

    # A stopped epoch is drawn where it stopped, not where it would have ended.
    at = (epochs["epoch"] - 1) + epochs["steps"] / steps_per_epoch
    return pd.concat(
        [
            part(batches["step"] / steps_per_epoch, batches[metric], "training", BATCHES),
            part(at, epochs[metric], "training", EPOCHS),
            part(at, epochs[f"validation_{metric}"], "validation", VALIDATION),
        ],
        ignore_index=True,
    )


@functools.lru_cache(maxsize=64)
def curves(metric: str, epochs: int, zoom: bool = False) -> Spec:
    """The Vega-Lite specification of a live chart, without its data: a table of `curve_points` goes beside it.

    It depends on nothing that changes while a run trains, so the chart on the page is updated, not built anew.

    Args:
        metric: `loss` or `accuracy`; epochs: the planned number, which fixes the x axis; zoom: show the end of the
        scale where good networks differ.
    """
    is_accuracy = metric == "accuracy"
    if zoom:
        y_scale = alt.Scale(domain=_ZOOM[metric], clamp=True)
    else:
        y_scale = alt.Scale(domain=[0, 1]) if is_accuracy else alt.Scale(domainMin=0)
    number = ".2%" if is_accuracy else ".4f"
    colour = alt.Color("series:N", scale=alt.Scale(domain=list(SERIES)), legend=None)
    base = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            scale=alt.Scale(domain=[0, epochs], nice=False),
            axis=alt.Axis(tickMinStep=1, format="d"),
        ),
        y=alt.Y("value:Q", title=None, scale=y_scale, axis=alt.Axis(format=".0%" if is_accuracy else "~g")),
        color=colour,
        tooltip=[
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("epoch:Q", format=".2f"),
            alt.Tooltip("value:Q", title=metric, format=number),
        ],
    )
    by_batch = base.transform_filter(alt.datum.kind == BATCHES).mark_line(strokeWidth=1.2, opacity=0.75)
    means = base.transform_filter(alt.datum.kind == EPOCHS).mark_point(size=45, shape="circle", filled=False)
    validation = base.transform_filter(alt.datum.kind == VALIDATION)
    validation_line = validation.mark_line(strokeDash=[5, 3])
    validation_points = validation.mark_point(size=60, shape="diamond", filled=True)
    ends = (
        base.transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=[BATCHES, VALIDATION]))
        .transform_joinaggregate(last="max(epoch)", groupby=["series"])
        .transform_filter("datum.epoch === datum.last")
        .transform_calculate(label=f"datum.series + ' ' + format(datum.value, '{number}')")
    )
    # Curves end close together: one label goes above its point, the other below.
    labels = [
        ends.transform_filter(alt.datum.series == series)
        .mark_text(align="left", dx=8, dy=dy, fontWeight="bold", clip=False)
        .encode(text="label:N")
        for series, dy in (("training", 11 if is_accuracy else -11), ("validation", -11 if is_accuracy else 11))
    ]
    chart = alt.layer(by_batch, means, validation_line, validation_points, *labels).properties(
        title=_TITLES[metric],
        height=_HEIGHT,
        width="container",
        padding={"left": 5, "right": 120, "top": 5, "bottom": 5},
    )
    spec: Spec = chart.to_dict()
    del spec["data"]
    return spec


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


def seeds(points: pd.DataFrame, epochs: int) -> alt.LayerChart:
    """Validation accuracy by epoch, a line for each run; a table of run_id, seed, epoch, validation_accuracy."""
    base = alt.Chart(points).encode(
        x=alt.X("epoch:Q", scale=alt.Scale(domain=[0, epochs]), axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y(
            "validation_accuracy:Q",
            title="validation accuracy",
            scale=alt.Scale(zero=False),
            axis=alt.Axis(format=".1%"),
        ),
        color=alt.Color("seed:N", title="seed"),
        detail="run_id:N",
        tooltip=["run_id:N", "seed:N", "epoch:Q", alt.Tooltip("validation_accuracy:Q", format=".2%")],
    )
    lines = base.mark_line()
    marks = base.mark_point(filled=True).encode(shape=alt.Shape("seed:N", title="seed"))
    chart: alt.LayerChart = (lines + marks).properties(height=260)
    return chart


def schedule(points: pd.DataFrame, epochs: int) -> alt.Chart:
    """The learning rate over training, small; a table of epoch (a share of one between), learning_rate."""
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_line()
        .encode(
            x=alt.X("epoch:Q", scale=alt.Scale(domain=[0, epochs]), axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("learning_rate:Q", title="learning rate", scale=alt.Scale(zero=True)),
            tooltip=[alt.Tooltip("epoch:Q", format=".2f"), alt.Tooltip("learning_rate:Q", format=".3g")],
        )
        .properties(height=140)
    )
    return chart
