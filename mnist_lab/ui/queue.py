"""The Train page's queue: what trains, waits or was paused, and the buttons that a run has."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from mnist_lab.estimate import duration_text
from mnist_lab.experiment import Status, Wish
from mnist_lab.store import READY, Run
from mnist_lab.ui import menu
from mnist_lab.ui.session import lab

SHOWN = 20
STATUS = {
    Status.QUEUED: (":material/schedule:", "waiting"),
    Status.RUNNING: (":material/model_training:", "training"),
    Status.PAUSED: (":material/pause_circle:", "paused"),
    Status.FINISHED: (":material/check_circle:", "finished"),
    Status.STOPPED: (":material/stop_circle:", "stopped before its planned end"),
    Status.CANCELLED: (":material/cancel:", "cancelled before it began"),
    Status.FAILED: (":material/error:", "failed"),
    Status.INTERRUPTED: (":material/power_off:", "interrupted"),
}


def controls(run: Run, *, large: bool = False) -> None:
    """The buttons of a run that has not ended: pause or resume it, stop or cancel it."""
    if run.status in (Status.PAUSED, Status.INTERRUPTED):
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            key=f"resume-{run.id}",
            on_click=lab().resume,
            args=([run.id],),
            help="Goes to the front of the queue and on from its last checkpoint.",
        )
    elif run.status in (Status.RUNNING, Status.QUEUED):
        pausing = run.wish is Wish.PAUSE
        st.button(
            "Pausing…" if pausing else "Pause" if run.status is Status.RUNNING else "Hold",
            icon=":material/pause:",
            key=f"pause-{run.id}",
            disabled=run.wish is not Wish.GO_ON,
            on_click=lab().pause,
            args=(run.id,),
            help="Keeps a checkpoint and lets the next run train; it can be resumed to the same result.",
        )
    if run.status.is_ended and run.status is not Status.INTERRUPTED:
        return
    stopping = run.wish is Wish.STOP
    label = (
        "Cancel" if run.status is not Status.RUNNING and not run.steps_done else "Stop training" if large else "Stop"
    )
    st.button(
        "Stopping…" if stopping else label,
        icon=":material/stop:",
        key=f"stop-{run.id}",
        disabled=stopping,
        on_click=lab().stop,
        args=(run.id,),
        help="Ends training at once; what was learnt so far is kept and tested.",
    )


def many(statuses: Mapping[int, Status], key: str = "many") -> None:
    """Buttons for what can be done at once with several runs that have not ended; each says to how many it applies."""
    ordered = sorted(statuses.items())
    waiting = [run_id for run_id, status in ordered if status is Status.QUEUED]
    training = [run_id for run_id, status in ordered if status is Status.RUNNING]
    idle = [run_id for run_id, status in ordered if status in (Status.PAUSED, Status.INTERRUPTED)]
    for label, icon, run_ids, do, says in (
        ("Pause", "pause", training + waiting, lab().pause, "Holds back what waits; what trains leaves its worker."),
        (
            "Resume",
            "play_arrow",
            idle,
            lambda *ids: lab().resume(list(ids)),
            "To the front of the queue, in this order.",
        ),
        (
            "Stop" if training else "Cancel",
            "stop",
            training + waiting + idle,
            lab().stop,
            "What has learnt something is tested and kept; what has not is cancelled.",
        ),
    ):
        if run_ids:
            st.button(
                f"{label} {len(run_ids)}",
                icon=f":material/{icon}:",
                key=f"{key}-{label.replace('Cancel', 'Stop')}",
                on_click=do,
                args=run_ids,
                help=says,
            )


def why_it_waits(run: Run, active: list[Run]) -> str:
    """Its place in the queue, and in how long its turn will roughly come."""
    state = lab().engine_state()
    if state != READY:
        return f"the worker is {state or 'starting'}"
    waits = lab().waits(active)
    place = list(waits).index(run.id) if run.id in waits else 0
    seconds = waits.get(run.id, 0.0)
    if not place and not any(other.status is Status.RUNNING for other in active):
        return "it is next"
    return f"{'it is next' if not place else f'{place} before it'}, about {duration_text(seconds)} to go"


def resumable(shown: Run | None) -> None:
    """One click for all that was paused or interrupted."""
    others = [run for run in lab().resumable() if shown is None or run.id != shown.id]
    if not others:
        return
    names = ", ".join(f"{run.id} ({run.status})" for run in others[:8]) + (" …" if len(others) > 8 else "")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/pause_circle: Not ended yet: run {names}", width="content")
        st.button(
            "Resume it" if len(others) == 1 else f"Resume all {len(others)}",
            icon=":material/play_arrow:",
            key="resume-all",
            on_click=lab().resume,
            args=([run.id for run in others],),
        )


def show(active: list[Run], shown: Run) -> None:
    """The other runs that train or wait, in the order of their turn."""
    others = [run for run in active if run.id != shown.id]
    if not others:
        return
    st.markdown(f"**Also training or waiting** ({len(others)})")
    waits = lab().waits(active)
    for run in others[:SHOWN]:
        icon, words = STATUS[run.status]
        if run.id in waits:
            words = f"in about {duration_text(waits[run.id])}"
        elif run.planned_steps:
            words = f"{run.steps_done / run.planned_steps:.0%} trained"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{icon} Run {run.id}: {run.name}, seed {run.experiment.seed} · {words}")
            st.page_link(menu.TRAIN, label="Watch", query_params={"run": str(run.id)})
            if run.status is Status.QUEUED:
                place, last = list(waits).index(run.id), len(waits) - 1
                for label, icon, to, possible in (
                    ("Sooner", "arrow_upward", -1, place > 0),
                    ("Later", "arrow_downward", 1, place < last),
                ):
                    st.button(
                        label,
                        key=f"{label}-{run.id}",
                        icon=f":material/{icon}:",
                        disabled=not possible,
                        on_click=partial(lab().move, run.id, to),
                    )
            controls(run)
    if len(others) > SHOWN:
        st.caption(f"… and {len(others) - SHOWN} more")
