"""The Train page's charts: tables in, Vega-Lite specifications out, which stay the same while a run trains.

Colours come from the theme or are safe for the colour-blind; a shape, a dash or a word says the same without colour.
"""

import functools
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from mnist_lab.charts.vega import Frame, Spec, without_data
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.network import totals, trace
from mnist_lab.training.reports import Snapshot

Axis = Literal["epochs", "batches", "seconds", "multiply-adds"]
AXES: dict[Axis, str] = {
    "epochs": "epoch",
    "batches": "batch",
    "seconds": "seconds of training",
    "multiply-adds": "multiply-adds (billions)",
}
SERIES = ("training", "validation")
FULL_COLOUR = 0.1  # of a digit's images: more mistakes of a kind are no darker
BATCHES, EPOCHS, VALIDATION = "training, by batch", "training, epoch mean", "validation"
_TITLES = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}
_HEIGHT = 300
_RUNS = alt.Legend(orient="bottom", title=None, columns=3)  # values at the ends would lie on one another
# Forward, gradient of the inputs, gradient of the weights: three times the multiply-adds of an answer.
_TRAINING_FACTOR = 3


@dataclass(frozen=True)
class Work:
    """What a batch and an epoch of a run are on each axis, and how far the run will go."""

    steps_per_epoch: int
    planned_steps: int
    multiply_adds: float  # billions a batch

    @classmethod
    def of(cls, experiment: Experiment) -> "Work":
        """The work of an experiment."""
        image = totals(trace(experiment.architecture)).multiply_adds
        return cls(
            experiment.steps_per_epoch,
            experiment.steps_per_epoch * experiment.recipe.epochs,
            _TRAINING_FACTOR * image * experiment.recipe.batch_size / 1e9,
        )

    def along(self, axis: Axis, steps: pd.Series, seconds: pd.Series) -> pd.Series:
        """Where points after so many steps and seconds lie."""
        factors = {"epochs": 1 / self.steps_per_epoch, "batches": 1.0, "multiply-adds": self.multiply_adds}
        return (seconds if axis == "seconds" else steps * factors[axis]).astype(float)

    def planned(self, axis: Axis) -> float | None:
        """Where the run will end; None for seconds, which nobody knows."""
        if axis == "seconds":
            return None
        return float(self.along(axis, pd.Series([self.planned_steps]), pd.Series([0.0])).iloc[0])


def curve_points(
    epochs: pd.DataFrame, batches: pd.DataFrame, metric: str, work: Work, axis: Axis, *, run: str = ""
) -> pd.DataFrame:
    """The long table that `curves` draws: `x`, `value`, `series`, `kind`, `run`.

    Args:
        epochs: the log's lines; batches: the points of the training curve; metric: `loss` or `accuracy`.
    """

    def part(x: pd.Series, y: pd.Series, series: str, kind: str) -> pd.DataFrame:
        return pd.DataFrame({"x": x, "value": y.astype(float), "series": series, "kind": kind, "run": run})

    # A stopped epoch is drawn where it stopped, not where it would have ended.
    steps = (epochs["epoch"] - 1) * work.steps_per_epoch + epochs["steps"]
    at = work.along(axis, steps, epochs["seconds"].cumsum())
    return pd.concat(
        [
            part(work.along(axis, batches["step"], batches["seconds"]), batches[metric], "training", BATCHES),
            part(at, epochs[metric], "training", EPOCHS),
            part(at, epochs[f"validation_{metric}"], "validation", VALIDATION),
        ],
        ignore_index=True,
    )


@functools.lru_cache(maxsize=128)
def curves(metric: str, axis: Axis, end: float, shown: Frame, *, clip: bool = False, several: bool = False) -> Spec:
    """The specification of a live chart, without its data: a table of `curve_points` goes beside it.

    It depends on little that changes while a run trains, so the chart on the page is updated, seldom built anew.

    Args:
        metric: `loss` or `accuracy`; end: where the axis ends; shown: the scale (`charts.whole`), or the part of it that is
        drawn (`charts.frame`), with `clip`, so that lines leave the frame; several: runs are told apart by colour and shape, training and validation by dash.
    """
    is_accuracy = metric == "accuracy"
    number = ".2%" if is_accuracy else ".4f"
    colour = (
        alt.Color("run:N", legend=_RUNS)
        if several
        else alt.Color("series:N", scale=alt.Scale(domain=list(SERIES)), legend=None)
    )
    whole: dict[str, Any] = {"tickMinStep": 1} if axis in ("epochs", "batches") else {}
    base = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X("x:Q", title=AXES[axis], scale=alt.Scale(domain=[0, end]), axis=alt.Axis(format="~s", **whole)),
        y=alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(domain=list(shown)),
            axis=alt.Axis(format=".0%" if is_accuracy else "~g"),
        ),
        color=colour,
        tooltip=[
            *([alt.Tooltip("run:N")] if several else []),
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("x:Q", title=AXES[axis], format=".2f"),
            alt.Tooltip("value:Q", title=metric, format=number),
        ],
    )
    by_batch = base.transform_filter(alt.datum.kind == BATCHES).mark_line(
        strokeWidth=1.2, opacity=0.45 if several else 0.75, clip=clip
    )
    means = base.transform_filter(alt.datum.kind == EPOCHS).mark_point(size=45, shape="circle", filled=False, clip=clip)
    validation = base.transform_filter(alt.datum.kind == VALIDATION)
    validation_line = validation.mark_line(strokeDash=[5, 3], clip=clip)
    if several:
        validation_points = validation.mark_point(size=60, filled=True, clip=clip).encode(
            shape=alt.Shape("run:N", legend=_RUNS)
        )
        layers = [by_batch, validation_line, validation_points]
    else:
        validation_points = validation.mark_point(size=60, shape="diamond", filled=True, clip=clip)
        layers = [by_batch, means, validation_line, validation_points, *_ends_of_series(base, number)]
    chart = alt.layer(*layers).properties(
        title=_TITLES[metric],
        height=_HEIGHT,
        width="container",
        padding={"left": 5, "right": 10 if several else 130, "top": 5, "bottom": 5},
    )
    return without_data(chart)


def _ends_of_series(base: alt.Chart, number: str) -> list[alt.Chart]:
    """Values at the ends of the two curves. They end close together: the higher label goes up, the lower one down."""
    ends = (
        base.transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=[BATCHES, VALIDATION]))
        .transform_joinaggregate(last="max(x)", groupby=["series"])
        .transform_filter("datum.x === datum.last")
        .transform_calculate(label=f"datum.series + ' ' + format(datum.value, '{number}')")
        .transform_window(place="row_number()", sort=[alt.SortField("value", order="descending")])
    )
    return [
        ends.transform_filter(place)
        .mark_text(align="left", dx=8, dy=dy, fontWeight="bold", clip=False)
        .encode(text="label:N")
        for place, dy in (("datum.place === 1", -11), ("datum.place > 1", 11))
    ]


def confusion_points(counts: np.ndarray) -> pd.DataFrame:
    """The table that `confusion` draws: `digit`, `answer`, `images`, `share` (of the digit's images).

    Args:
        counts: images of a digit (row) that got an answer (column), `(10, 10)`.
    """
    digits, answers = np.indices(counts.shape)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    columns = {"digit": digits, "answer": answers, "images": counts, "share": shares}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


@functools.lru_cache(maxsize=1)
def confusion() -> Spec:
    """How many images of a digit got an answer: right ones grey, wrong ones the darker the more there are."""
    base = alt.Chart(alt.NamedData("confusion")).encode(
        x=alt.X("answer:O", title="answer", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("digit:O", title="digit"),
        tooltip=["digit:O", "answer:O", "images:Q", alt.Tooltip("share:Q", format=".2%", title="of the digit")],
    )
    right = base.transform_filter("datum.digit === datum.answer").mark_rect(fill="#7A7A7A", fillOpacity=0.25)
    errors = base.transform_filter("datum.digit !== datum.answer && datum.images > 0")
    wrong = errors.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            legend=None,
            scale=alt.Scale(type="sqrt", domain=[0, FULL_COLOUR], clamp=True, range=["#FBE3C8", "#E07B00"]),
        )
    )
    words = errors.mark_text(fontSize=11, color="#111111").encode(text="images:Q")
    numbers = base.transform_filter("datum.digit === datum.answer").mark_text(fontSize=11, color="#7A7A7A")
    chart = alt.layer(right, wrong, words, numbers.encode(text="images:Q")).properties(height=320, width="container")
    return without_data(chart)


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
    base = alt.Chart(alt.NamedData("followed")).encode(
        x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    )
    cells = base.mark_rect().encode(
        y=alt.Y("digit:O", axis=alt.Axis(labelOverlap=False)),
        color=alt.Color(
            "probability:Q",
            scale=alt.Scale(domain=[0, 1], range=["#F2F5F8", "#0072B2"]),
            legend=None,
        ),
        tooltip=["epoch:O", "digit:O", alt.Tooltip("probability:Q", format=".1%")],
    )
    one = base.transform_filter(alt.datum.framed)
    frame = one.mark_rect(fillOpacity=0, stroke="#D55E00", strokeWidth=2)
    return without_data((cells + frame).properties(height=300, width="container"))
