"""The Train page's queue: what trains, waits or was paused, and the buttons that a run has."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from mnist_lab.results.prediction import duration_text
from mnist_lab.store.lease import READY
from mnist_lab.store.run import Run, Status
from mnist_lab.training.reports import Command
from mnist_lab.ui import confirm, fields, navigation
from mnist_lab.ui.session import act, lab, seen
from mnist_lab.ui.text import plain

SHOWN = 20
_PICKED = "picked_runs"
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
    """The buttons of a run that has not ended: pause or resume it, stop or cancel it; none where it is another's."""
    if seen().rights.may_change(run):
        _buttons(run, large=large)


def _buttons(run: Run, *, large: bool = False) -> None:
    if run.status in (Status.PAUSED, Status.INTERRUPTED):
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            key=f"resume-{run.id}",
            on_click=act,
            args=(lab().resume, run.id),
            help="Moves to the front of the queue, and continues from its last checkpoint.",
        )
    elif run.status in (Status.RUNNING, Status.QUEUED):
        pausing = run.command is Command.PAUSE
        st.button(
            "Pausing…" if pausing else "Pause" if run.status is Status.RUNNING else "Hold",
            icon=":material/pause:",
            key=f"pause-{run.id}",
            disabled=run.command is not Command.CONTINUE,
            on_click=act,
            args=(lab().pause, run.id),
            help="Saves a checkpoint and lets the next run train; resumed, it comes to the same result.",
        )
    if run.status.is_ended and run.status is not Status.INTERRUPTED:
        return
    stopping = run.command is Command.STOP
    label = (
        "Cancel" if run.status is not Status.RUNNING and not run.steps_done else "Stop training" if large else "Stop"
    )
    st.button(
        "Stopping…" if stopping else label,
        icon=":material/stop:",
        key=f"stop-{run.id}",
        disabled=stopping,
        on_click=act,
        args=(lab().stop, run.id),
        help="Ends training at once; what was learnt so far is kept and tested.",
    )


def bulk_controls(statuses: Mapping[int, Status], key: str = "many", then: Callable[[], None] = lambda: None) -> None:
    """Buttons for several runs that have not ended; each says to how many it applies.

    Args:
        then: called when something was done.
    """

    def done(do: Callable[..., None], run_ids: list[int]) -> None:
        act(do, *run_ids)
        then()

    ordered = sorted(statuses.items())
    waiting = [run_id for run_id, status in ordered if status is Status.QUEUED]
    training = [run_id for run_id, status in ordered if status is Status.RUNNING]
    idle = [run_id for run_id, status in ordered if status in (Status.PAUSED, Status.INTERRUPTED)]
    for label, icon, run_ids, do, says in (
        (
            "Pause",
            "pause",
            training + waiting,
            lab().pause,
            "Holds back waiting runs, and takes those in training off their workers.",
        ),
        ("Resume", "play_arrow", idle, lab().resume, "Moves them to the front of the queue, in this order."),
        (
            "Stop" if training else "Cancel",
            "stop",
            training + waiting + idle,
            lab().stop,
            "Runs that have learnt something are tested and kept; the others are cancelled.",
        ),
    ):
        if run_ids:
            ends = label in ("Stop", "Cancel") and len(run_ids) > 1
            confirm.button(
                f"{label} {len(run_ids)}",
                f"{label} {len(run_ids)} runs?" if ends else None,
                icon=f":material/{icon}:",
                key=f"{key}-{label.replace('Cancel', 'Stop')}",
                on_click=done,
                args=(do, run_ids),
                help=says,
            )


def why_it_waits(run: Run, active: list[Run]) -> str:
    """Its place in the queue, and roughly when its turn comes."""
    if sentence := lab().shortage(run):
        return sentence
    state = lab().engine_state()
    if state != READY:
        return f"the worker is {state or 'starting'}"
    reader = seen()
    if reader.rights.room and reader.rights.room.is_held:
        return "the teacher has paused the queue"
    place, seconds = reader.waits().get(run.id, (1, 0.0))
    if place == 1 and not any(other.status is Status.RUNNING for other in active):
        return "it is next"
    return f"place {place} in the queue, begins in about {duration_text(seconds)}"


def resumable(shown: Run | None) -> None:
    """A button that resumes all that was paused or interrupted."""
    reader = seen()
    mine = [run for run in reader.resumable() if reader.rights.may_change(run)]
    others = [run for run in mine if shown is None or run.id != shown.id]
    if not others:
        return
    names = ", ".join(f"{run.id} ({run.status})" for run in others[:8]) + (" …" if len(others) > 8 else "")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/pause_circle: Unfinished: run {names}", width="content")
        st.button(
            "Resume it" if len(others) == 1 else f"Resume all {len(others)}",
            icon=":material/play_arrow:",
            key="resume-all",
            on_click=act,
            args=(lab().resume, *(run.id for run in others)),
        )


def studies() -> None:
    """The studies with runs that have not ended, a line each: what they have learnt so far nobody sees."""
    for one in seen().queued_studies():
        counts = one.study.counts
        every = sum(counts.values())
        left = sum(counts.get(status, 0) for status in STATUS if not status.is_ended or status is Status.INTERRUPTED)
        if one.study.is_ending:
            icon, words = STATUS[Status.RUNNING][0], "ending"
        elif counts.get(Status.RUNNING):
            icon, words = STATUS[Status.RUNNING][0], f"training, about {duration_text(one.seconds)} left"
        elif one.begins is not None:
            icon, words = STATUS[Status.QUEUED][0], f"in about {duration_text(one.begins)}"
        else:
            icon, words = STATUS[Status.PAUSED]
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"queued-study-{one.study.id}"
        ):
            st.markdown(
                f"{icon} Study {one.study.id}: {plain(one.study.question)} · {every - left} of {every} runs ended · {words}",
                width="content",
            )
            st.page_link(navigation.STUDIES.script, label="Open", query_params={"study": str(one.study.id)})


def show(active: list[Run], shown: Run) -> None:
    """The other runs that train, wait or are paused, in the order of their turn; several can be chosen."""
    reader = seen()
    others = [run for run in [*active, *reader.resumable()] if run.id != shown.id]
    if not others:
        return
    waits, names, rights = reader.waits(), reader.names(), reader.rights
    st.markdown(f"**Also training, waiting or paused** ({len(others)})")
    if mine := [run for run in others if rights.may_change(run)]:
        _choose(mine, names)
    by = len({run.owner for run in [*others, shown]}) > 1
    for run in others[:SHOWN]:
        icon, words = STATUS[run.status]
        if run.id in waits:
            words = f"in about {duration_text(waits[run.id][1])}"
        elif run.status is Status.RUNNING:
            words = f"{run.steps_done / run.planned_steps:.0%} trained"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            owner = f" by {plain(names.get(run.owner, run.owner))}" if by else ""
            label = f"{icon} Run {run.id}: {plain(run.name)}, seed {run.experiment.seed}{owner} · {words}"
            if rights.may_change(run):
                _pick(run.id, label)
            else:
                st.markdown(label, width="content")
            st.page_link(navigation.TRAIN.script, label="Watch", query_params={"run": str(run.id)})
            if run.status is Status.QUEUED and rights.may_change(run):
                # Among a pupil's own; all others' are one line.
                line = run.owner if run.owner in names else None
                own = [
                    other.id
                    for other in active
                    if other.status is Status.QUEUED and (other.owner if other.owner in names else None) == line
                ]
                place, last = own.index(run.id), len(own) - 1
                for label, icon, to, possible in (
                    ("Sooner", "arrow_upward", -1, place > 0),
                    ("Later", "arrow_downward", 1, place < last),
                ):
                    st.button(
                        label,
                        key=f"{label}-{run.id}",
                        icon=f":material/{icon}:",
                        disabled=not possible,
                        on_click=act,
                        args=(lab().move, run.id, to),
                    )
            if rights.may_change(run):
                _buttons(run)
    if len(others) > SHOWN:
        st.caption(f"… and {len(others) - SHOWN} more; “All” selects them too")


def _choose(runs: list[Run], names: Mapping[str, str]) -> None:
    """Buttons that choose all runs or those of a person, and what can be done with the chosen ones."""
    owners = sorted({run.owner for run in runs})
    groups = {f"All {len(runs)}": [run.id for run in runs]}
    if len(owners) > 1:
        for owner in owners:
            own = [run.id for run in runs if run.owner == owner]
            groups[f"{plain(names.get(owner, owner))}'s {len(own)}"] = own
    picked = set(st.session_state.get(_PICKED, ()))
    chosen = {run.id: run.status for run in runs if run.id in picked}
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="choose-runs"):
        for number, (label, ids) in enumerate(groups.items()):
            st.button(label, key=f"pick-group-{number}", icon=":material/select_check_box:", on_click=_set, args=(ids,))
        if chosen:
            st.button("None", key="pick-none", icon=":material/deselect:", on_click=_set, args=([],))
            st.markdown(f"**{len(chosen)} chosen**", width="content")
            bulk_controls(chosen, "many-waiting", _set)


def _pick(run_id: int, label: str) -> None:
    def save(is_picked: bool) -> None:
        rest = [other for other in st.session_state.get(_PICKED, ()) if other != run_id]
        _set([*rest, run_id] if is_picked else rest)

    # Bound, for All changes it too, and a browser that has not drawn that yet would say the box is empty.
    st.checkbox(label, **fields.bound(f"pick-{run_id}", run_id in st.session_state.get(_PICKED, ()), save))


def _set(run_ids: Sequence[int] = ()) -> None:
    st.session_state[_PICKED] = list(run_ids)
