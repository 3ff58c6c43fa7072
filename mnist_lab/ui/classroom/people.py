"""Who is in the class, and who waits to be let in; followed while one looks."""

import pandas as pd
import streamlit as st

from mnist_lab.classroom.classroom import MAX_PERSON_NAME
from mnist_lab.numerals import counted
from mnist_lab.results.files import guarded
from mnist_lab.store.people import Member
from mnist_lab.store.run import Status
from mnist_lab.ui import confirm, grid
from mnist_lab.ui.choices import with_selected
from mnist_lab.ui.session import act, errors_shown, lab, person, seen, zone
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 3.0
MOST_ASKING = 10
_CHOSEN, _NAME, _DRAWN = "chosen_members", "member_name", "drawn_members"
_COLUMNS = {
    "name": st.column_config.TextColumn("Name"),
    "joined": st.column_config.DatetimeColumn("Joined", format="HH:mm"),
    "runs": st.column_config.NumberColumn("Finished runs"),
    "waiting": st.column_config.NumberColumn("In the queue", help="Waiting or in training."),
}


def show() -> None:
    """Requests to be let in, and the list of people."""
    st.fragment(_asking, run_every=REFRESH_SECONDS)()
    place = st.container()
    _change()
    with place:
        st.fragment(_here, run_every=REFRESH_SECONDS)()


@errors_shown()
def _asking() -> None:
    asking = lab().classroom.asking(by=person())
    if not asking:
        return
    st.subheader("Let in?", anchor=False)
    st.caption("Somebody in the class has this name already. Is it the same person, on another device?")
    for token, name in asking[:MOST_ASKING]:
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
    if len(asking) > 1:
        st.button(
            f"Turn all {len(asking)} away",
            key="turn-all-away",
            icon=":material/block:",
            on_click=act,
            args=(lab().classroom.turn_all_away,),
        )


@errors_shown()
def _here() -> None:
    members = lab().classroom.members(by=person())
    if _names(members) != st.session_state.get(_DRAWN):
        st.rerun()  # what is below, in no fragment, names them too
    st.subheader(f"Here: {counted(len(members), 'pupil')}", anchor=False)
    if not members:
        st.caption("Nobody has joined yet; whoever does appears here.")
        return
    runs = seen().table()
    active = {Status.QUEUED, Status.RUNNING}
    finished = runs[runs["status"] == Status.FINISHED]["owner"].value_counts()
    waiting = runs[runs["status"].isin(active)]["owner"].value_counts()
    joined = pd.to_datetime([member.joined for member in members], unit="s", utc=True)
    rows = pd.DataFrame(
        {
            "name": [guarded(member.name) for member in members],
            "joined": joined.tz_convert(zone()),
            "runs": [int(finished.get(member.key, 0)) for member in members],
            "waiting": [int(waiting.get(member.key, 0)) for member in members],
        }
    )
    grid.show(rows, _COLUMNS, height="content" if len(rows) <= 12 else 440, alt="Who is in the class, a row a person")


def _change() -> None:
    """Rename somebody, remove people, change the code."""
    members = lab().classroom.members(by=person())
    st.session_state[_DRAWN] = _names(members)
    named = {member.key: member.name for member in members}
    with st.popover("Rename or remove", icon=":material/manage_accounts:", key="member"):
        chosen = st.multiselect(
            "Who",
            with_selected(list(named), _CHOSEN),
            format_func=lambda key: named.get(key, f"{key}, who has gone"),
            key=_CHOSEN,
        )
        one = chosen[0] if len(chosen) == 1 and chosen[0] in named else None
        before = named.get(one or "", "")
        name = st.text_input(
            "New name", before, max_chars=MAX_PERSON_NAME, key=f"{_NAME}-{one}-{before}", disabled=one is None
        )
        with st.container(horizontal=True):
            st.button(
                "Rename",
                icon=":material/edit:",
                key="rename-member",
                disabled=one is None,
                on_click=act,
                args=(lab().classroom.rename, one, name),
            )
            if chosen:
                who = plain(before) if one else f"{len(chosen)} people"
                confirm.button(
                    "Remove",
                    f"Remove {who}?",
                    key="remove-member",
                    icon=":material/person_remove:",
                    on_click=_remove,
                    args=(chosen,),
                    help="They are out at once, in every browser. Their runs stay, those that wait are paused, and the class gets "
                    "another code.",
                )
        st.button(
            "Another code",
            icon=":material/password:",
            key="renew-code",
            on_click=act,
            args=(lab().classroom.renew_code,),
            help="The old one lets nobody in any more. Who is in stays in.",
        )


def _remove(keys: list[str]) -> None:
    act(lab().classroom.remove, *keys)
    st.session_state[_CHOSEN] = []


def _names(members: list[Member]) -> list[tuple[str, str]]:
    return [(member.key, member.name) for member in members]
