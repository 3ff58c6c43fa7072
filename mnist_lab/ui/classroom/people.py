"""Who is in the class, and who waits to be let in; followed while one looks."""

import streamlit as st

from mnist_lab.classroom.classroom import MAX_PERSON_NAME
from mnist_lab.ui import confirm
from mnist_lab.ui.choices import with_selected
from mnist_lab.ui.session import act, errors_shown, lab, person
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 3.0
MOST_ASKING = 10
_CHOSEN, _NAME = "chosen_members", "member_name"


def asking() -> None:
    """Requests to be let in; nothing as long as there are none."""
    st.fragment(_asking, run_every=REFRESH_SECONDS)()


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


def change() -> None:
    """Rename somebody, remove people, change the code: of whoever is in when it is opened."""
    with st.popover("Rename or remove", icon=":material/manage_accounts:", key="member", on_change="rerun") as opened:
        if opened.open:
            _change()


def _change() -> None:
    named = {member.key: member.name for member in lab().classroom.members(by=person())}
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
