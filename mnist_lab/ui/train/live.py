"""The Train page's parts: the run that is watched and those started with it, charts, its network epoch by epoch, the queue."""

import functools
import time
from dataclasses import dataclass
from typing import get_args

import pandas as pd
import pyarrow as pa
import streamlit as st

from mnist_lab.charts import frames, training
from mnist_lab.charts.work import AXES, Axis, Work
from mnist_lab.design.experiment import Experiment, Protocol, parse
from mnist_lab.results.overfitting import gap
from mnist_lab.results.prediction import duration_text
from mnist_lab.store.run import Run, Status
from mnist_lab.training.reports import Command
from mnist_lab.ui import grid, labels, navigation, watching
from mnist_lab.ui.choices import run_ids
from mnist_lab.ui.design import schedule
from mnist_lab.ui.session import QUICKEST, errors_shown, lab, pace
from mnist_lab.ui.text import plain
from mnist_lab.ui.train import continue_run, queue
from mnist_lab.ui.train import epochs as epoch_pictures
from mnist_lab.ui.watching import Watched

IDLE_SECONDS = 2.0
SHARED_SECONDS = 0.35  # less than the shortest pace: one viewer alone always sees the newest
_SELDOM = 4
_STATE_SHOWN = "state_shown"
MOST_TOGETHER = 6
_MOST_LINKS = 30
_TOGETHER, _TOGETHER_FOR = "together", "together_for"
KEPT = {
    Protocol.NOTEBOOK: "The notebook protocol keeps the last weights.",
    Protocol.HOLDOUT: "The holdout protocol keeps the weights of the best validation accuracy.",
}


@dataclass(frozen=True)
class Progress:
    """A run as it is now: its row, the log's lines so far and the points of its training curve."""

    run: Run
    epochs: pd.DataFrame
    batches: pd.DataFrame


def show(watched: Watched) -> None:
    """Everything that is updated while a run trains: what changes with every batch more often than what changes with an
    epoch, or by hand.
    """
    labels.message()
    _draw_together(watched)
    seconds = pace() if lab().active() else IDLE_SECONDS
    st.fragment(_curves, run_every=seconds)(watched, seconds)
    st.fragment(_rest, run_every=max(IDLE_SECONDS, _SELDOM * seconds))(watched)


def _draw_together(watched: Watched) -> None:
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


@errors_shown()
def _curves(watched: Watched, seconds: float) -> None:
    active = lab().active()
    if (pace() if active else IDLE_SECONDS) != seconds:
        st.rerun()  # a fragment cannot change its own pace; the page's next run does
    run = _shown(watched, active)
    if run is None:
        st.info("Nothing has been trained yet.", icon=":material/info:")
        st.page_link(navigation.DESIGN.script, label="Design a network", icon=":material/architecture:")
        return
    if watched.run_id is None and not watched.follows:
        st.rerun()  # the first run of all: the page stays with it
    if st.session_state.setdefault(_STATE_SHOWN, _state(run)) != _state(run):
        st.session_state[_STATE_SHOWN] = _state(run)
        if seconds in (IDLE_SECONDS, QUICKEST):
            st.rerun()  # another run, or its end: the rest of the page changes too; for a crowd that follows in its turn
    progress = _progress(run)
    _which_run(watched, run, active)
    _headline(progress, active)
    _charts(progress)


@errors_shown()
def _rest(watched: Watched) -> None:
    active = lab().active()
    run = _shown(watched, active)
    queue.resumable(run)
    if run is None:
        return
    epoch_pictures.show(run)
    _log(_progress(run))
    queue.show(active, run)


def _shown(watched: Watched, active: list[Run]) -> Run | None:
    if watched.run_id is not None:
        return lab().run(watched.run_id)
    return active[0] if active else lab().store.runs.latest()


def _which_run(watched: Watched, shown: Run, active: list[Run]) -> None:
    """Links to the runs that were started together; or that the page follows whatever is training, or a link for that."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="which-run"):
        if watched.follows:
            st.caption(":material/sync: Follows whatever is training.", width="content")
            watching.link(shown.id, f"Stay with run {shown.id}", ":material/push_pin:")
            return
        if len(watched.together) > 1:
            _started_together(watched.together, shown)
        if any(run.status is Status.RUNNING and run.id != shown.id for run in active):
            watching.follow_link()


def _started_together(together: tuple[int, ...], shown: Run) -> None:
    runs = list(lab().some(together).values())
    words = f"**{len(together)} runs started together:**"
    if gone := len(together) - len(runs):
        words += f" {gone} gone for good,"
    st.markdown(words, width="content")
    same = len({run.name for run in runs}) == 1
    for run in runs[:_MOST_LINKS]:
        icon, _ = queue.STATUS[run.status]
        label = f"{run.id}: " + (f"seed {run.seed}" if same else f"{run.name}, seed {run.seed}")
        if run.deleted:
            icon, label = ":material/delete:", f"{label} (deleted)"
        if run.id == shown.id:
            st.markdown(f"{icon} **{label}**", width="content")
        else:
            watching.link(run.id, label, icon, together)
    if len(runs) > _MOST_LINKS:
        st.caption(f"… and {len(runs) - _MOST_LINKS} more", width="content")


def _state(run: Run) -> tuple[int, str]:
    return run.id, run.status


def _progress(run: Run) -> Progress:
    """A run with its log and curve."""
    return Progress(run, *_recorded(lab().store.url, run.id, run.status, run.epochs_done))


@st.cache_resource(ttl=SHARED_SECONDS, show_spinner=False)
def _recorded(url: str, run_id: int, status: Status, epochs_done: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Log and curve, read once for all who look at a run at about the same time."""
    del url, status, epochs_done  # an epoch's end and the run's own are seen at once
    return lab().store.runs.epochs([run_id]), lab().store.runs.batches(run_id)


def _points(progress: Progress, metric: str, axis: Axis) -> pa.Table:
    last_step = int(progress.batches["step"].iloc[-1]) if len(progress.batches) else 0
    newest = (last_step, len(progress.epochs))
    return _drawn(lab().store.url, progress.run.id, newest, metric, axis, _progress=progress)


@st.cache_resource(max_entries=256, show_spinner=False)
def _drawn(url: str, run_id: int, newest: tuple[int, int], metric: str, axis: Axis, *, _progress: Progress) -> pa.Table:
    """The points of a chart, made once for all who look at a run."""
    del url, newest
    work = _work(_progress.run.experiment_json)
    points = training.curve_points(_progress.epochs, _progress.batches, metric, work, axis, run=f"run {run_id}")
    return pa.Table.from_pandas(points, preserve_index=False)


@functools.lru_cache(maxsize=256)
def _work(experiment_json: str) -> Work:
    return Work.of(parse(Experiment, experiment_json))


def _headline(progress: Progress, active: list[Run]) -> None:
    run = progress.run
    icon, _ = queue.STATUS[run.status]
    title, buttons = st.columns([3, 2], vertical_alignment="center")
    title.subheader(f"{icon} Run {run.id}: {plain(run.name)}, seed {run.experiment.seed}", anchor=False)
    with buttons.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if run.deleted:
            labels.restore([run.id])
        else:
            queue.controls(run, large=True)
        if run.status.is_ended:
            continue_run.show(run)
    if run.deleted:
        st.caption(":material/delete: This run is deleted, and will be gone for good in a few days.")
    _lineage(run)
    epochs = run.experiment.recipe.epochs
    share = min(1.0, run.steps_done / run.planned_steps)
    if run.status is Status.RUNNING:
        st.progress(share, text=f"Epoch {min(run.epochs_done + 1, epochs)} of {epochs} · {_times(progress, share)}")
    elif run.status is Status.QUEUED:
        words = (
            f"Waiting: {plain(queue.why_it_waits(run, active))}" if run.deleted is None else "Deleted while it waited"
        )
        st.progress(share, text=words)
    elif run.status is Status.PAUSED:
        st.progress(
            share, text=f"Paused after {run.epochs_done} of {epochs} epochs; resumed, it continues exactly there."
        )
    else:
        tail = f" · {plain(run.error)}" if run.error else ""
        done = f"{len(progress.epochs)} of {epochs} epochs"
        lines = progress.epochs
        if run.status is Status.STOPPED and len(lines) and lines["steps"].iloc[-1] < run.experiment.steps_per_epoch:
            done = f"within epoch {len(progress.epochs)} of {epochs}"
        _, words = queue.STATUS[run.status]
        st.progress(share, text=f"{words.capitalize()} · {done} · {_length(run)}{tail}")
    _figures(run)


def _lineage(run: Run) -> None:
    children = lab().store.runs.children(run.id)
    words = [f"Continues run {run.parent_id} from epoch {run.parent_epoch} on."] if run.parent_id else []
    if children:
        words.append(f"Continued by {', '.join(f'run {child}' for child in children)}.")
    if run.caveat:
        words.append(plain(run.caveat))
    if not words:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(":material/account_tree: " + " ".join(words), width="content")
        for other in [*([run.parent_id] if run.parent_id else []), *children[:5]]:
            st.page_link(navigation.TRAIN.script, label=f"Run {other}", query_params={"run": str(other)})


def _length(run: Run) -> str:
    if run.seconds is not None:
        return f"{run.seconds:.1f} s"
    return duration_text((run.ended or 0) - run.started) if run.started else "0 s"


def _times(progress: Progress, share: float) -> str:
    """Seconds of training so far and still to come; the latter from the pace of the curve, once there is one."""
    run = progress.run
    batches = progress.batches
    elapsed = float(batches["seconds"].iloc[-1]) if len(batches) else time.time() - (run.started or time.time())
    if run.command is Command.STOP:
        return f"{duration_text(elapsed)} elapsed · stopping, then testing what was learnt"
    if run.command is Command.PAUSE:
        return f"{duration_text(elapsed)} elapsed · pausing"
    if share >= 1:
        return f"{duration_text(elapsed)} elapsed · evaluating"
    if len(batches) < 2:
        return "building the network"
    first, last = batches.iloc[0], batches.iloc[-1]
    pace_of_steps = (last["seconds"] - first["seconds"]) / max(last["step"] - first["step"], 1)
    return f"{duration_text(elapsed)} elapsed · about {duration_text(pace_of_steps * (run.planned_steps - last['step']))} left"


def _figures(run: Run) -> None:
    """Five figures and a line, in the same place before and after the end, so that nothing jumps."""
    notebook = run.experiment.protocol is Protocol.NOTEBOOK
    kept = f"of the weights kept, those after epoch {run.kept_epoch}"
    row = st.container(horizontal=True)
    if run.validation_accuracy is None:
        row.metric("Validation accuracy", _percent(run.last_validation_accuracy), help="After the last epoch so far.")
        row.metric("Best so far", _percent(run.best_validation_accuracy), help="Best validation accuracy so far.")
    else:
        row.metric("Validation accuracy", _percent(run.validation_accuracy), help=f"{kept[:1].upper()}{kept[1:]}.")
        best = f" The best validation accuracy, {_percent(run.best_validation_accuracy)}, was after {run.best_epoch}."
        row.metric("Kept epoch", run.kept_epoch, help=KEPT[run.experiment.protocol] + best)
    row.metric("Test accuracy", _percent(run.test_accuracy), help=f"On the 10,000 test images, {kept}.")
    loss = "–" if run.test_loss is None else f"{run.test_loss:.4f}"
    row.metric("Test loss", loss, help="Cross-entropy on the 10,000 test images.")
    rates = schedule.learning_rates(run.experiment.recipe, run.experiment.steps_per_epoch)
    rate = rates[min(run.steps_done, len(rates) - 1)]
    row.metric("Learning rate", f"{rate:.3g}", help="For the next step; further down is a chart over all epochs.")
    images = (
        "the 10,000 test images, so test and validation accuracy are the same"
        if notebook
        else "the last 5,000 training images"
    )
    st.caption(
        f"Protocol {run.experiment.protocol}: validation is on {images}. "
        "One run is one sample: another seed gives different results."
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _charts(progress: Progress) -> None:
    run = progress.run
    axis, chosen, zoom = _view(run)
    drawn = [run, *lab().some(other for other in chosen if other != run.id).values()]
    left_out = []
    for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        with column:
            left_out.append(_chart(drawn, metric, axis, zoom=zoom))
    if lost := [str(other) for other in chosen if other not in {each.id for each in drawn}]:
        st.caption(f":material/info: Gone for good, and no longer drawn: run {', '.join(lost)}.")
    if any(left_out):
        st.caption(f"Outside the frames: {'; '.join(filter(None, left_out))}.")
    _legend(drawn)
    if words := gap(progress.epochs, run.experiment):
        st.warning(words, icon=":material/unfold_more:")


def _view(run: Run) -> tuple[Axis, list[int], bool]:
    """Controls of the charts: what they are drawn along, which other runs are in them, whether only a part is drawn."""
    left, middle, right = st.columns([5, 4, 2], vertical_alignment="bottom")
    axis: Axis = left.segmented_control(
        "Along",
        list(get_args(Axis)),
        default="epochs",
        required=True,
        key="axis",
        persist_state="session",
        help="The horizontal axis. Multiply-adds are those of training, three times those of an answer.",
    )
    others = middle.multiselect(
        "Overlay runs",
        _candidates(run),
        format_func=_label,
        max_selections=MOST_TOGETHER - 1,
        key=_TOGETHER,
        persist_state="session",
        placeholder="other runs",
        help="Draws other runs in the same charts, whether they are training or have ended.",
    )
    zoom = right.toggle(
        "Zoom in",
        key="zoom",
        persist_state="session",
        help="Shows the part of the scale that holds the later half of the curves; the rest leaves the frame.",
    )
    return axis, run_ids(others), zoom


def _chart(drawn: list[Run], metric: str, axis: Axis, *, zoom: bool) -> str:
    """One metric of some runs; what lies outside the chart, in words."""
    parts = [_points(_progress(each), metric, axis) for each in drawn]
    begun = [part for part in parts if part.num_rows]  # what waits has no points, and no types of them
    points = pa.concat_tables(begun) if len(begun) > 1 else (begun or parts)[0]
    shown, left_out = frames.whole(metric, points["value"]), ""
    if zoom:
        shown = frames.frame(metric, points["x"], points["value"], points["run"])
        left_out = frames.outside(metric, points["value"], shown)
    ends = [end for each in drawn if (end := _work(each.experiment_json).planned(axis)) is not None]
    end = max(ends) if ends else frames.end(points["x"])
    st.vega_lite_chart(
        points,
        training.curves(metric, axis, end, shown, clip=zoom, several=len(drawn) > 1),
        key=f"chart-{metric}",
        alt=f"{metric} along {AXES[axis]}: training by batch and validation by epoch",
    )
    return left_out


def _legend(drawn: list[Run]) -> None:
    if len(drawn) > 1:
        names = ", ".join(
            f"run {each.id}: {each.name}, seed {each.experiment.seed}, "
            f"validation accuracy {_percent(each.last_validation_accuracy)}"
            for each in drawn
        )
        st.caption(f"Thin lines: training. Dashed, with points: validation. Last values: {plain(names)}.")
    else:
        st.caption("Line: training, each point the mean of a few batches. ○ training, mean of the epoch. ◆ validation.")


@st.cache_data(ttl=5, show_spinner=False)
def _recent(url: str) -> dict[int, str]:
    """The newest runs that have a curve."""
    del url
    return {
        run.id: f"Run {run.id}: {run.name}, seed {run.experiment.seed}"
        for run in lab().store.runs.all(limit=100)
        if run.steps_done > 0
    }


def _candidates(shown: Run) -> list[int]:
    chosen = run_ids(st.session_state.get(_TOGETHER, []))
    return [i for i in dict.fromkeys([*_recent(lab().store.url), *chosen]) if i != shown.id or i in chosen]


def _label(run: int | str) -> str:
    """Of a run, or of the label that it had."""
    (run_id,) = run_ids([run])
    return _recent(lab().store.url).get(run_id, f"Run {run_id}")


LOG = {
    "epoch": st.column_config.NumberColumn("Epoch"),
    "loss": st.column_config.NumberColumn("Loss", format="%.4f"),
    "accuracy": st.column_config.NumberColumn("Accuracy", format="%.4f"),
    "validation_loss": st.column_config.NumberColumn("Validation loss", format="%.4f"),
    "validation_accuracy": st.column_config.NumberColumn("Validation accuracy", format="%.4f"),
    "seconds": st.column_config.NumberColumn("Seconds", format="%.1f s"),
}


def _log(progress: Progress) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with right:
        st.markdown("**Learning rate**")
        schedule.learning_rate(progress.run.experiment)
    with left:
        st.markdown("**Log by epoch**")
        if progress.epochs.empty:
            st.caption("The first row appears when the first epoch ends.")
            return
        last = progress.epochs.iloc[-1]
        full = progress.run.experiment.steps_per_epoch
        if last["steps"] < full:
            st.caption(f"Epoch {last['epoch']:.0f} was stopped after {last['steps']:.0f} of {full} batches.")
        grid.show(
            progress.epochs[list(LOG)],
            LOG,
            height="content" if len(progress.epochs) < 15 else 560,
            alt="The log, a row an epoch",
        )
