"""The end of a class: closed, taken away as a file, ended, deleted."""

import streamlit as st

from mnist_lab import clock
from mnist_lab.store.classes import Class
from mnist_lab.ui import confirm, navigation
from mnist_lab.ui.session import act, lab, person, zone


def show(room: Class) -> None:
    """What can be done with the class as a whole."""
    st.header("The end", anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="class-end"):
        if room.is_open:
            st.button(
                "Close the class",
                icon=":material/lock:",
                key="close-class",
                on_click=act,
                args=(lab().classroom.close,),
                help="Joining and training end, looking goes on; you can open it again. What pupils have in training or waiting is "
                "paused, and a paused queue goes on, for your own runs.",
            )
        else:
            st.button(
                "Open it again",
                icon=":material/lock_open:",
                key="reopen-class",
                on_click=act,
                args=(lab().classroom.reopen,),
                help="What was paused when it was closed waits for you or its owner to resume it.",
            )
        _take_away(room)
        confirm.button(
            "End the class",
            "End the class?",
            key="end-class",
            icon=":material/logout:",
            on_click=act,
            args=(lab().classroom.end,),
            help="What pupils made stays, and nobody is a pupil any more: whoever reaches this server, their browsers too, can "
            "then use the lab as you do, and delete runs. Stop the server, or start it for this machine only, where you do not "
            "want that.",
        )
    st.page_link(navigation.HANDOUT.script, label="A page to print for each pupil", icon=":material/print:")


def earlier() -> None:
    """The classes that have ended."""
    classes = lab().classroom.ended(by=person())
    if not classes:
        return
    st.header("Earlier classes", anchor=False)
    for room in classes:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(f"The class of {clock.text(room.opened, zone())}", width="content")
            _take_away(room)
            _delete(room)


def _take_away(room: Class) -> None:
    who = person()  # asked now: the file is made when no page is being drawn
    st.download_button(
        "Take it away",
        lambda: lab().take_away(room.id, by=who),
        f"mnist-lab-class-{room.id}.zip",
        "application/zip",
        key=f"take-away-{room.id}",
        icon=":material/folder_zip:",
        on_click="ignore",
        help="A zip of tables: people, runs, epochs, the designs that they kept, and the digits that they drew.",
    )


def _delete(room: Class) -> None:
    confirm.button(
        "Delete",
        "Delete the class with all that its pupils made?",
        key=f"delete-class-{room.id}",
        icon=":material/delete_forever:",
        on_click=act,
        args=(lab().classroom.delete, room.id),
        help="Its people, their runs, designs and settings, for good. Yours stay.",
    )
