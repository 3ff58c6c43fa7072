"""The Train page's live charts: loss and accuracy of the run that is shown, and of others that race in them."""

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import pandas as pd
import pyarrow as pa
import streamlit as st

from mnist_lab.charts import frames, training
from mnist_lab.charts.style import Frame, Spec
from mnist_lab.charts.training import Line
from mnist_lab.charts.work import AXES, Axis, Work
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.results.overfitting import gap
from mnist_lab.store.run import Run
from mnist_lab.ui import fields, figure, heard
from mnist_lab.ui.choices import run_ids
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import lab, person, seen
from mnist_lab.ui.train.progress import Progress, percent, progress
from mnist_lab.ui.watching import Watched

MOST_TOGETHER = 6
_TOGETHER, _TOGETHER_FOR = "together", "together_for"
_SIDE_BY_SIDE, _STACKED = "side by side", "one above the other"
_LAYOUT = "charts_layout"  # of the widget, and of the choice that the store keeps
_TRENDS = ((0.002, "rising"), (-0.002, "about level"), (-float("inf"), "falling"))


def draw_together(watched: Watched) -> None:
    """Runs that were started together are drawn together: whichever is shown, the others are in its charts."""
    before: Watched | None = st.session_state.get(_TOGETHER_FOR)
    if watched == before:
        return
    before = before or Watched(None)
    chosen = run_ids(st.session_state.get(_TOGETHER, []))
    if watched.together != before.together:
        others = [run_id for run_id in watched.together if run_id != watched.run_id]
        chosen = others or [run_id for run_id in chosen if run_id not in before.together]
    elif watched.together and before.run_id is not None:
        chosen = [before.run_id if run_id == watched.run_id else run_id for run_id in chosen]
    st.session_state[_TOGETHER] = chosen[: MOST_TOGETHER - 1]
    st.session_state[_TOGETHER_FOR] = watched


def show(shown: Progress) -> None:
    """The charts, and below them what they are drawn along and which other runs are in them."""
    run = shown.run
    picture = st.container(key="live-charts")
    axis, chosen, zoom, layout = _view(run)
    drawn = [run, *seen().some(other for other in chosen if other != run.id).values()]
    lines = _lines(drawn, [run.name for run in drawn])
    left_out = []
    with picture:
        places = st.columns(2, gap="small") if layout == _SIDE_BY_SIDE else (st.container(), st.container())
        for place, metric in zip(places, ("accuracy", "loss"), strict=True):
            with place.container(key=f"tall-{metric}"):
                left_out.append(_chart(drawn, lines, metric, axis, zoom=zoom))
    if lost := [str(other) for other in chosen if other not in {each.id for each in drawn}]:
        st.caption(f":material/info: Gone for good, and no longer drawn: run {', '.join(lost)}.")
    if any(left_out):
        st.caption(f"Outside the frames: {'; '.join(filter(None, left_out))}.")
    circles = "; hollow circles, its mean over an epoch" if len(drawn) == 1 else ""
    st.caption(f"Thin: training, the mean of a few batches{circles}. Thick, with points: validation, after each epoch.")
    if words := gap(shown.epochs, run.experiment):
        st.warning(words, icon=":material/unfold_more:")


def _view(run: Run) -> tuple[Axis, list[int], bool, str]:
    """What the charts are drawn along, which other runs are in them, whether only a part is drawn, and how they stand."""
    owner = person().key
    kept = _chosen_layout(lab().store.url, owner)

    def keep(layout: str) -> None:
        lab().choose(_LAYOUT, layout, by=person())
        _chosen_layout.clear()

    with st.container(horizontal=True, vertical_alignment="bottom", key="tools-charts"):
        others = st.multiselect(
            "Other runs in these charts",
            _candidates(run),
            format_func=_label,
            max_selections=MOST_TOGETHER - 1,
            key=_TOGETHER,
            persist_state="session",
            placeholder="none",
            help="Draws other runs in the same charts, whether they are training or have ended.",
            width=360,
        )
        axis: Axis = st.segmented_control(
            "Along",
            list(get_args(Axis)),
            default="epochs",
            required=True,
            key="axis",
            persist_state="session",
            help="The horizontal axis. Multiply-adds are those of training, three times those of an answer.",
        )
        st.segmented_control(
            "Charts",
            [_SIDE_BY_SIDE, _STACKED],
            required=True,
            **fields.bound(_LAYOUT, kept, keep, argument="default"),
        )
        zoom = st.toggle(
            "Where good networks differ",
            key="zoom",
            persist_state="session",
            help="Shows the part of the scale that holds the later half of the curves; the rest leaves the frame.",
        )
    return axis, run_ids(others), zoom, kept


@st.cache_data(ttl=60, show_spinner=False)
def _chosen_layout(url: str, owner: str) -> str:
    """How a person's charts stand: as chosen last."""
    del url
    return _STACKED if lab().choice(_LAYOUT, by=person()) == _STACKED else _SIDE_BY_SIDE


def _lines(drawn: list[Run], names: list[str]) -> tuple[Line, ...]:
    """The name and look of each run, the names made unique."""
    by_design = looks(run.design_key for run in drawn)
    for more in ("seed {0.seed}", "run {0.id}"):
        often = Counter(names)
        names = [
            f"{name}, {more.format(run)}" if often[name] > 1 else name for name, run in zip(names, drawn, strict=True)
        ]
    return tuple(Line(name, by_design[run.design_key]) for name, run in zip(names, drawn, strict=True))


def _chart(drawn: list[Run], lines: tuple[Line, ...], metric: str, axis: Axis, *, zoom: bool) -> str:
    """One metric of some runs; what lies outside the chart, in words."""
    runs = [progress(each) for each in drawn]
    called = tuple(map(str, lines))  # of a dataclass Streamlit takes longer to see whether it is another one
    made = _made(lab().store.url, tuple(map(_newest, runs)), called, metric, axis, zoom, _runs=runs, _lines=lines)
    figure.vega(made.table, made.spec, key=f"chart-{metric}", height="stretch", alt=made.words)
    return made.left_out


def race(
    drawn: list[Run], metric: str, shown: Frame, *, owners: Mapping[str, str], scale: float, size: tuple[int, int]
) -> str:
    """The validation of some runs in one chart that nobody points at, over a part of the scale that is given, so that no
    axis moves while they train.

    Args:
        owners: names of people by what their runs are kept under; whose run it is stands before its name.
        scale: how much larger than usual type and lines are.
        size: width and height in pixels. What a browser would measure is the size on its screen, and not that on the stage.

    Returns:
        What lies outside of that part, in words.
    """
    # What a name says of the recipe is too long for the back of a room, and in a lesson all have the same.
    called = [run.name.partition(" · ")[0] for run in drawn]
    called = [
        f"{owners[run.owner]}: {name}" if run.owner in owners else name for run, name in zip(drawn, called, strict=True)
    ]
    lines = _lines(drawn, called)
    runs = [progress(each) for each in drawn]
    made = _raced(
        lab().store.url, tuple(map(_newest, runs)), tuple(map(str, lines)), metric, shown, _runs=runs, _lines=lines
    )
    spec = made.spec | {"width": size[0], "height": size[1] / scale, "autosize": {"type": "fit", "contains": "padding"}}
    figure.vega(made.table, spec, scale=scale, key="race", width="content", height="content", alt=made.words)
    return made.left_out


@dataclass(frozen=True)
class _Chart:
    """A live chart: what it draws, what it says to those who do not see it, and what lies outside its frame, in words."""

    table: pa.Table
    spec: Spec
    words: str
    left_out: str


def _newest(of: Progress) -> tuple[int, int, int]:
    """A run's number, and how far what is recorded of it goes: its points are the same while these are."""
    last_step = int(of.batches["step"].iloc[-1]) if len(of.batches) else 0
    return of.run.id, last_step, len(of.epochs)


@st.cache_resource(max_entries=64, show_spinner=False)
def _made(
    url: str,
    newest: tuple[tuple[int, int, int], ...],
    called: tuple[str, ...],
    metric: str,
    axis: Axis,
    zoom: bool,
    *,
    _runs: list[Progress],
    _lines: tuple[Line, ...],
) -> _Chart:
    """A chart, made once for all who look at it."""
    del called
    numbered = enumerate(zip(_runs, newest, _lines, strict=True))
    parts = [_drawn(url, each, metric, axis, (line.label, i), _progress=of) for i, (of, each, line) in numbered]
    begun = [part for part in parts if part.num_rows]  # what waits has no points, and no types of them
    points = pa.concat_tables(begun) if len(begun) > 1 else (begun or parts)[0]
    shown, left_out = frames.whole(metric, points["value"]), ""
    if zoom:
        shown = frames.frame(metric, points["x"], points["value"], points["run"])
        left_out = frames.outside(metric, points["value"], shown)
    planned = [end for of in _runs if (end := work(of.run.experiment_json).planned(axis)) is not None]
    end = max(planned) if planned else frames.end(points["x"])
    table = points
    if begun:
        ends = training.ends(points.to_pandas(), shown, metric)
        table = pa.concat_tables([points, pa.Table.from_pandas(ends, schema=points.schema, preserve_index=False)])
    spec = training.curves(metric, axis, end, shown, _lines)
    return _Chart(table, spec, _in_words(_runs, _lines, metric, axis), left_out)


def _in_words(runs: list[Progress], lines: tuple[Line, ...], metric: str, axis: Axis) -> str:
    """What a chart says: the last values of each run, and where they go."""
    told = []
    for of, line in zip(runs, lines, strict=True):
        epochs = of.epochs
        if epochs.empty:
            told.append(f"{line.label}: nothing measured yet")
            continue
        last, values = epochs.iloc[-1], epochs[f"validation_{metric}"]
        shown = [
            percent(last[name]) if metric == "accuracy" else f"{last[name]:.4f}"
            for name in (f"validation_{metric}", metric)
        ]
        change = float(values.iloc[-1] - values.iloc[-2]) if len(values) > 1 else None
        trend = f", {next(word for least, word in _TRENDS if change > least)}" if change is not None else ""
        told.append(f"{line.label}: validation {shown[0]} after epoch {last['epoch']:.0f}{trend}; training {shown[1]}")
    return f"{metric.capitalize()} along {AXES[axis]}. {'. '.join(told)}."


@st.cache_resource(max_entries=16, show_spinner=False)
def _raced(
    url: str,
    newest: tuple[tuple[int, int, int], ...],
    called: tuple[str, ...],
    metric: str,
    shown: Frame,
    *,
    _runs: list[Progress],
    _lines: tuple[Line, ...],
) -> _Chart:
    """The chart of a race, made once for all who look at it."""
    del called
    numbered = enumerate(zip(_runs, newest, _lines, strict=True))
    parts = [_drawn(url, each, metric, "epochs", (line.label, i), _progress=of) for i, (of, each, line) in numbered]
    begun = [part for part in parts if part.num_rows]
    points = (pa.concat_tables(begun) if begun else parts[0]).to_pandas()
    points = points[points["kind"] == training.VALIDATION]
    end = max(work(of.run.experiment_json).planned("epochs") or 1.0 for of in _runs)
    left_out = frames.outside(metric, points["value"], shown)
    table = pd.concat([points, training.ends(points, shown, metric, is_staged=True)]) if len(points) else points
    spec = training.curves(metric, "epochs", end, shown, _lines, is_staged=True)
    words = _in_words(_runs, _lines, metric, "epochs")
    return _Chart(pa.Table.from_pandas(table, preserve_index=False), spec, words, left_out)


@st.cache_resource(max_entries=256, show_spinner=False)
def _drawn(
    url: str, newest: tuple[int, int, int], metric: str, axis: Axis, line: tuple[str, int], *, _progress: Progress
) -> pa.Table:
    """The points of a run in a chart, with the label and the number of its line."""
    del url, newest
    of_run = work(_progress.run.experiment_json)
    points: pd.DataFrame = training.curve_points(
        _progress.epochs, _progress.batches, metric, of_run, axis, run=line[0], number=line[1]
    )
    return pa.Table.from_pandas(points, preserve_index=False)


@functools.lru_cache(maxsize=256)
def work(experiment_json: str) -> Work:
    """The work of an experiment, as JSON."""
    return Work.of(parse(Experiment, experiment_json))


def _recent() -> dict[int, str]:
    """The newest runs that have a curve, of those that one sees."""
    return _recent_of(lab().store.url, seen().rights.view)


@st.cache_data(ttl=5, show_spinner=False)
def _recent_of(url: str, view: str | None) -> dict[int, str]:
    del url, view
    return {
        run.id: f"Run {run.id}: {run.name}, seed {run.experiment.seed}"
        for run in seen().runs.all(limit=100)
        if run.steps_done > 0
    }


def _candidates(shown: Run) -> list[int]:
    chosen = run_ids(st.session_state.get(_TOGETHER, []))
    return [i for i in dict.fromkeys([*_recent(), *chosen]) if i != shown.id or i in chosen]


def _label(run: int | str) -> str:
    """Of a run, or of the label that it had."""
    (run_id,) = run_ids([run])
    return _recent().get(run_id, f"Run {run_id}")


def say_epoch(shown: Progress) -> None:
    """What a screen reader says at the end of each epoch: calm, as nothing else of the page changes it."""
    run, lines = shown.run, shown.epochs
    news = f"{str(run.status).capitalize()}"
    if run.status.is_ended and run.test_accuracy is not None:
        news += f", validation accuracy {percent(run.validation_accuracy)}, test accuracy {percent(run.test_accuracy)}"
    elif len(lines):
        last = lines.iloc[-1]
        news += f", epoch {last['epoch']:.0f} of {run.experiment.recipe.epochs} has ended, "
        news += f"validation accuracy {percent(last['validation_accuracy'])}"
    heard.say(f"{news}: {run.name}.", "epochs-heard")
