"""Who is in the class, and who waits to be let in; followed while one looks."""

import pandas as pd
import streamlit as st

from mnist_lab.classroom.classroom import MAX_PERSON_NAME
from mnist_lab.numerals import counted
from mnist_lab.store.run import Status
from mnist_lab.ui import confirm, grid
from mnist_lab.ui.session import act, errors_shown, lab, person, seen, zone
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 3.0
_CHOSEN, _NAME = "chosen_member", "member_name"
_COLUMNS = {
    "name": st.column_config.TextColumn("Name"),
    "joined": st.column_config.DatetimeColumn("Joined", format="HH:mm"),
    "runs": st.column_config.NumberColumn("Finished runs"),
    "waiting": st.column_config.NumberColumn("In the queue", help="Waiting or in training."),
}


def show() -> None:
    """Requests to be let in, and the list of people."""
    st.fragment(_asking, run_every=REFRESH_SECONDS)()
    st.fragment(_here, run_every=REFRESH_SECONDS)()
    _one()


@errors_shown()
def _asking() -> None:
    asking = lab().classroom.asking(by=person())
    if not asking:
        return
    st.subheader("Let in?", anchor=False)
    st.caption("Somebody in the class has this name already. Is it the same person, on another device?")
    for token, name in asking:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(name)}**", width="content")
            for label, admit, icon in (("Let in", True, "login"), ("Turn away", False, "block")):
                st.button(
                    label,
                    key=f"{label}-{token[:12]}",
                    icon=f":material/{icon}:",
                    on_click=act,
                    args=(lab().classroom.answer, token),
                    kwargs={"admit": admit},
                )


@errors_shown()
def _here() -> None:
    members = lab().classroom.members(by=person())
    st.subheader(f"Here: {counted(len(members), 'pupil')}", anchor=False)
    if not members:
        st.caption("Nobody has joined yet; whoever does appears here.")
        return
    runs = seen().table()
    active = {Status.QUEUED, Status.RUNNING}
    finished = runs[runs["status"] == Status.FINISHED]["owner"].value_counts()
    waiting = runs[runs["status"].isin(active)]["owner"].value_counts()
    rows = pd.DataFrame(
        {
            "name": [member.name for member in members],
            "joined": pd.to_datetime([member.joined for member in members], unit="s", utc=True).tz_convert(zone()),
            "runs": [int(finished.get(member.key, 0)) for member in members],
            "waiting": [int(waiting.get(member.key, 0)) for member in members],
        }
    )
    grid.show(rows, _COLUMNS, height="content" if len(rows) <= 12 else 440, alt="Who is in the class, a row a person")


def _one() -> None:
    """Rename or remove somebody."""
    members = {member.key: member for member in lab().classroom.members(by=person())}
    if not members:
        return
    with st.popover("Rename or remove somebody", icon=":material/manage_accounts:", key="member"):
        key = st.selectbox(
            "Who", list(members), format_func=lambda key: members[key].name if key in members else key, key=_CHOSEN
        )
        name = st.text_input(
            "New name", members[key].name, max_chars=MAX_PERSON_NAME, key=f"{_NAME}-{key}-{members[key].name}"
        )
        with st.container(horizontal=True):
            st.button(
                "Rename",
                icon=":material/edit:",
                key="rename-member",
                on_click=act,
                args=(lab().classroom.rename, key, name),
            )
            confirm.button(
                "Remove",
                f"Remove {plain(members[key].name)}?",
                key="remove-member",
                icon=":material/person_remove:",
                on_click=act,
                args=(lab().classroom.remove, key),
                help="At once in every browser of theirs; their runs stay, and those that wait are paused.",
            )
