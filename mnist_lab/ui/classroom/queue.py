"""The whole queue in the teacher's hand: paused, resumed, cancelled."""

import streamlit as st

from mnist_lab.numerals import counted
from mnist_lab.store.run import Status
from mnist_lab.ui import confirm
from mnist_lab.ui.session import act, errors_shown, lab, seen

REFRESH_SECONDS = 3.0


def show() -> None:
    """How many train and wait, and buttons for all of them."""
    st.header("Queue", anchor=False)
    st.fragment(_queue, run_every=REFRESH_SECONDS)()


@errors_shown()
def _queue() -> None:
    reader = seen()
    room, active, paused = reader.rights.room, reader.active(), reader.resumable()
    if room is None:
        st.rerun()
    waiting = [run.id for run in active if run.status is Status.QUEUED]
    people = len({run.owner for run in active if run.status is Status.QUEUED})
    words = f"{len(active) - len(waiting)} in training, {len(waiting)} waiting"
    if waiting:
        words += f" for {counted(people, 'person')}" if people == 1 else f" for {people} people"
    if paused:
        words += f", {len(paused)} paused"
    if room.is_held:
        st.markdown(f":material/pause_circle: **Paused**: nothing begins. {words}.")
    else:
        st.caption(f"{words}. Whoever was served longest ago comes next.")
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="class-queue"):
        st.button(
            "Let the queue go on" if room.is_held else "Pause the queue",
            icon=":material/play_arrow:" if room.is_held else ":material/pause:",
            key=f"hold-queue-{room.is_held}",
            on_click=act,
            args=(lab().classroom.hold,),
            kwargs={"is_held": not room.is_held},
            help="What trains now goes on to its end; nothing else begins until you let it go on.",
        )
        if waiting:
            confirm.button(
                f"Cancel the {len(waiting)} waiting" if len(waiting) > 1 else "Cancel the one waiting",
                f"Cancel {counted(len(waiting), 'run')}?",
                key="cancel-waiting",
                icon=":material/stop:",
                on_click=act,
                args=(lab().stop, *waiting),
                help="Those that have learnt something are tested and kept.",
            )
        if paused:
            st.button(
                f"Resume all {len(paused)} paused" if len(paused) > 1 else "Resume the paused one",
                key="resume-paused",
                icon=":material/play_arrow:",
                on_click=act,
                args=(lab().resume, *(run.id for run in paused)),
            )
