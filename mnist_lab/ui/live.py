"""The Train page's parts: the run that is watched, its charts and log, and what waits."""

import time

import pandas as pd
import streamlit as st

from mnist_lab import charts
from mnist_lab.errors import InputError
from mnist_lab.estimate import duration_text
from mnist_lab.experiment import Protocol, Status
from mnist_lab.lab import Progress
from mnist_lab.store import Run
from mnist_lab.ui import menu
from mnist_lab.ui.session import errors_shown, lab

ACTIVE_SECONDS = 0.4
IDLE_SECONDS = 2.0
KEPT = {
    Protocol.NOTEBOOK: "The notebook protocol keeps the last weights.",
    Protocol.HOLDOUT: "The holdout protocol keeps the weights of the best validation accuracy.",
}
_STATUS = {
    Status.QUEUED: (":material/schedule:", "waiting"),
    Status.RUNNING: (":material/model_training:", "training"),
    Status.FINISHED: (":material/check_circle:", "finished"),
    Status.STOPPED: (":material/stop_circle:", "stopped before its planned end"),
    Status.CANCELLED: (":material/cancel:", "cancelled before it began"),
    Status.FAILED: (":material/error:", "failed"),
    Status.INTERRUPTED: (":material/power_off:", "interrupted"),
}


def chosen_run() -> int | None:
    """The run that the address names.

    Raises:
        InputError: the address names none.
    """
    text = st.query_params.get("run")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InputError(f"Address: run should be the number of a run; received {text[:60]!r}.")
    return lab().run(int(text)).id


def show(run_id: int | None) -> None:
    """Everything on the page that moves: follows one run, or with None whatever trains."""
    active = bool(lab().active())
    st.fragment(_show, run_every=ACTIVE_SECONDS if active else IDLE_SECONDS)(run_id, active)


@errors_shown()
def _show(run_id: int | None, active: bool) -> None:
    queue = lab().active()
    if bool(queue) != active:
        st.rerun()  # a fragment cannot change its own pace; the page's next run does
    run = lab().run(run_id) if run_id is not None else (queue[0] if queue else lab().latest())
    if run is None:
        st.info("Nothing has been trained yet.", icon=":material/info:")
        st.page_link(menu.DESIGN, label="Design a network", icon=":material/architecture:")
        return
    progress = lab().progress(run)
    _headline(progress)
    _charts(progress)
    _log(progress)
    _queue(queue, run)


def _headline(progress: Progress) -> None:
    run = progress.run
    experiment = run.experiment
    icon, words = _STATUS[run.status]
    title, button = st.columns([4, 1], vertical_alignment="center")
    title.subheader(f"{icon} Run {run.id}: {run.name}, seed {experiment.seed}", anchor=False)
    if not run.status.is_ended:
        stopping = run.stop_requested is not None
        label = "Cancel" if run.status is Status.QUEUED else "Stop training"
        button.button(
            "Stopping…" if stopping else label,
            icon=":material/stop:",
            key=f"stop-{run.id}",
            disabled=stopping,
            on_click=lab().stop,
            args=(run.id,),
            help="Ends training at once; what was learnt so far is kept and tested.",
            width="stretch",
        )
    elif not lab().active():
        button.page_link(menu.DESIGN, label="Design", icon=":material/architecture:")
    epochs = experiment.recipe.epochs
    share = min(1.0, run.steps_done / run.planned_steps)
    if run.status is Status.RUNNING:
        st.progress(share, text=f"Epoch {min(run.epochs_done + 1, epochs)} of {epochs} · {_times(progress, share)}")
    elif run.status is Status.QUEUED:
        state = lab().engine_state()
        why = {None: "the worker is starting", "warming up": "the worker is warming up"}.get(state, "others go first")
        st.progress(0.0, text=f"Waiting: {why}")
    else:
        tail = f" · {run.error}" if run.error else ""
        done = progress.epochs["epoch"].max() if len(progress.epochs) else 0
        st.progress(share, text=f"{words.capitalize()} · {done} of {epochs} epochs · {_length(run)}{tail}")
    _figures(run)


def _length(run: Run) -> str:
    if run.seconds is not None:
        return f"{run.seconds:.1f} s"
    return duration_text((run.ended or 0) - run.started) if run.started else "0 s"


def _times(progress: Progress, share: float) -> str:
    """Elapsed and remaining time; the remaining from the pace so far, once there is one."""
    run = progress.run
    elapsed = time.time() - (run.started or time.time())
    if run.stop_requested:
        return f"{duration_text(elapsed)} elapsed · stopping, then testing what was learnt"
    if share >= 1:
        return f"{duration_text(elapsed)} elapsed · evaluating"
    if share == 0:
        return "building the network"
    remaining = elapsed / share - elapsed
    return f"{duration_text(elapsed)} elapsed · about {duration_text(remaining)} left"


def _figures(run: Run) -> None:
    """Four figures and a line, in the same place before and after the end, so that nothing jumps."""
    notebook = run.experiment.protocol is Protocol.NOTEBOOK
    kept = f"of the weights kept, those after epoch {run.kept_epoch}"
    row = st.container(horizontal=True)
    if run.validation_accuracy is None:
        row.metric("Validation accuracy", _percent(run.last_validation_accuracy), help="After the last epoch so far.")
        row.metric("Best so far", _percent(run.best_validation_accuracy), help="Best validation accuracy so far.")
    else:
        row.metric("Validation accuracy", _percent(run.validation_accuracy), help=f"{kept[:1].upper()}{kept[1:]}.")
        row.metric("Kept epoch", run.kept_epoch, help=KEPT[run.experiment.protocol])
    row.metric("Test accuracy", _percent(run.test_accuracy), help=f"On the 10,000 test images, {kept}.")
    loss = "–" if run.test_loss is None else f"{run.test_loss:.4f}"
    row.metric("Test loss", loss, help="Cross-entropy on the 10,000 test images.")
    images = "the 10,000 test images, so test and validation are one" if notebook else "the last 5,000 training images"
    st.caption(
        f"Protocol {run.experiment.protocol}: validation is on {images}. "
        "One run is one sample: another seed gives other figures."
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _charts(progress: Progress) -> None:
    run = progress.run
    zoom = st.toggle(
        "Zoom in on good networks",
        key="zoom",
        persist_state="session",
        help="Accuracy from 90 % up, loss up to 0.5; what lies outside is drawn at the edge.",
    )
    epochs = run.experiment.recipe.epochs
    for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        points = charts.curve_points(progress.epochs, progress.batches, metric, run.experiment.steps_per_epoch)
        column.vega_lite_chart(
            points,
            charts.curves(metric, epochs, zoom),
            key=f"chart-{metric}",
            alt=f"{metric} over {epochs} epochs: training by batch and epoch, and validation by epoch",
        )
    st.caption("Line: training, each point the mean of a few batches. ○ training, mean of the epoch. ◆ validation.")


_LOG = {
    "epoch": st.column_config.NumberColumn("Epoch"),
    "loss": st.column_config.NumberColumn("Loss", format="%.4f"),
    "accuracy": st.column_config.NumberColumn("Accuracy", format="%.4f"),
    "validation_loss": st.column_config.NumberColumn("Validation loss", format="%.4f"),
    "validation_accuracy": st.column_config.NumberColumn("Validation accuracy", format="%.4f"),
    "seconds": st.column_config.NumberColumn("Seconds", format="%.1f s"),
}


def _log(progress: Progress) -> None:
    st.markdown("**Log by epoch**")
    if progress.epochs.empty:
        st.caption("The first line comes when the first epoch ends.")
    else:
        log: pd.DataFrame = progress.epochs[list(_LOG)]
        last = progress.epochs.iloc[-1]
        full = progress.run.experiment.steps_per_epoch
        if last["steps"] < full:
            st.caption(f"Epoch {last['epoch']:.0f} was stopped after {last['steps']:.0f} of {full} batches.")
        st.dataframe(log, hide_index=True, column_config=_LOG, height="content", alt="The log, a row an epoch")


def _queue(queue: list[Run], shown: Run) -> None:
    others = [run for run in queue if run.id != shown.id]
    if not others:
        return
    st.markdown(f"**Also training or waiting** ({len(others)})")
    for run in others[:20]:
        name, watch, stop = st.columns([6, 1, 1], vertical_alignment="center")
        icon, words = _STATUS[run.status]
        name.write(f"{icon} Run {run.id}: {run.name}, seed {run.experiment.seed} · {words}")
        watch.page_link(menu.TRAIN, label="Watch", query_params={"run": str(run.id)})
        label = "Cancel" if run.status is Status.QUEUED else "Stop"
        stop.button(label, key=f"stop-{run.id}", on_click=lab().stop, args=(run.id,), width="stretch")
    if len(others) > 20:
        st.caption(f"… and {len(others) - 20} more")
