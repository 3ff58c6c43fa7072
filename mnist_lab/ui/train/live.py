"""The Train page's parts: the run that is watched and those started with it, charts, its network epoch by epoch, the queue."""

import streamlit as st

from mnist_lab.store.run import Run, Status
from mnist_lab.ui import grid, labels, navigation, watching
from mnist_lab.ui.design import schedule
from mnist_lab.ui.session import QUICKEST, errors_shown, pace, seen
from mnist_lab.ui.train import charts, headline, queue
from mnist_lab.ui.train import epochs as epoch_pictures
from mnist_lab.ui.train.progress import Progress, progress
from mnist_lab.ui.watching import Watched

IDLE_SECONDS = 2.0
_SELDOM = 4
_STATE_SHOWN = "state_shown"
_MOST_LINKS = 30


def show(watched: Watched) -> None:
    """Everything that is updated while a run trains: what changes with every batch more often than what changes with an
    epoch, or by hand.
    """
    labels.message()
    charts.draw_together(watched)
    seconds = pace() if seen().active() else IDLE_SECONDS
    st.fragment(_curves, run_every=seconds)(watched, seconds)
    st.fragment(_rest, run_every=max(IDLE_SECONDS, _SELDOM * seconds))(watched)


@errors_shown()
def _curves(watched: Watched, seconds: float) -> None:
    active = seen().active()
    if (pace() if active else IDLE_SECONDS) != seconds:
        st.rerun()  # a fragment cannot change its own pace; the page's next run does
    run = _shown(watched, active)
    if run is None:
        if seen().queued_studies():
            st.info(
                "So far there are only runs of a study: their curves and results are sealed until the last one has ended.",
                icon=":material/lock:",
            )
            return
        st.info("Nothing has been trained yet.", icon=":material/info:")
        st.page_link(navigation.DESIGN.script, label="Design a network", icon=":material/architecture:")
        return
    if watched.run_id is None and not watched.follows:
        st.rerun()  # the first run of all: the page stays with it
    if st.session_state.setdefault(_STATE_SHOWN, _state(run)) != _state(run):
        st.session_state[_STATE_SHOWN] = _state(run)
        if seconds in (IDLE_SECONDS, QUICKEST):
            st.rerun()  # another run, or its end: the rest of the page changes too; for a crowd that follows in its turn
    shown = progress(run)
    _which_run(watched, run, active)
    headline.show(shown, active)
    charts.show(shown)
    headline.figures(run)
    charts.say_epoch(shown)


@errors_shown()
def _rest(watched: Watched) -> None:
    active = seen().active()
    run = _shown(watched, active)
    queue.resumable(run)
    if run is None:
        queue.studies()
        return
    epoch_pictures.show(run)
    _log(progress(run))
    queue.show(active, run)
    queue.studies()


def _shown(watched: Watched, active: list[Run]) -> Run | None:
    if watched.run_id is not None:
        return seen().run(watched.run_id)
    return active[0] if active else seen().runs.latest()


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
    runs = list(seen().some(together).values())
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


LOG = {
    "epoch": st.column_config.NumberColumn("Epoch"),
    "loss": st.column_config.NumberColumn("Loss", format="%.4f"),
    "accuracy": st.column_config.NumberColumn("Accuracy", format="%.4f"),
    "validation_loss": st.column_config.NumberColumn("Validation loss", format="%.4f"),
    "validation_accuracy": st.column_config.NumberColumn("Validation accuracy", format="%.4f"),
    "seconds": st.column_config.NumberColumn("Seconds", format="%.1f s"),
}


def _log(shown: Progress) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with right:
        st.markdown("**Learning rate over the epochs**")
        schedule.learning_rate(shown.run.experiment)
    with left:
        st.markdown("**Log by epoch**")
        if shown.epochs.empty:
            st.caption("The first row appears when the first epoch ends.")
            return
        last = shown.epochs.iloc[-1]
        full = shown.run.experiment.steps_per_epoch
        if last["steps"] < full:
            st.caption(f"Epoch {last['epoch']:.0f} was stopped after {last['steps']:.0f} of {full} batches.")
        grid.show(
            shown.epochs[list(LOG)],
            LOG,
            height="content" if len(shown.epochs) < 15 else 560,
            alt="The log, a row an epoch",
        )
