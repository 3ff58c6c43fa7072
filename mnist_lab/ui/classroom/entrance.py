"""How a class is opened, and how pupils get in: code, address and a QR code that holds both."""

import segno
import streamlit as st

from mnist_lab.store.classes import Class
from mnist_lab.ui import guard
from mnist_lab.ui.session import act, lab

_OVERHEARD = (
    "What is sent goes over the network as it is (plain HTTP): whoever controls the network can read it. Use one that you "
    "trust, and tell pupils to give no more than a first name."
)
_CHOSEN = "class_address"


def how_to_teach() -> None:
    """For whoever is not the teacher."""
    st.info(
        "Only the teacher opens a class: by the link with /teach/ in it that the server printed when it started.",
        icon=":material/key:",
    )


def open_class() -> None:
    """A button that opens a class, and what then happens."""
    st.markdown(
        "Pupils then join with a short code and their name. Each sees who trained what, and stops, changes and deletes only "
        "what is their own; the queue takes turns between them. Until you end the class, nobody else can use this lab."
    )
    st.button(
        "Open a class",
        type="primary",
        icon=":material/groups:",
        key="open-class",
        on_click=act,
        args=(lab().classroom.open,),
    )
    _address()
    st.caption(_OVERHEARD)


def show(room: Class) -> None:
    """Code, address and QR code, large; or that the class is closed."""
    if not room.is_open:
        st.warning(
            "The class is closed: nobody joins or trains any more, and everybody can still look.",
            icon=":material/lock:",
        )
        return
    place = st.container()
    address = _address()
    join = f"{address}/join?code={room.code}"
    with place.container(horizontal=True, gap="medium", vertical_alignment="center", key="entrance"):
        with st.container(key="entrance-code", width="content", gap="xsmall"):
            st.caption("Open in a browser")
            st.subheader(f"{address.split('//')[-1]}/join", anchor=False)
            st.caption("and type the code")
            st.header(f"{room.code[:3]} {room.code[3:]}", anchor=False)
        # Dark on white in either theme: not every camera reads it the other way round.
        picture = segno.make(join, micro=False).svg_data_uri(scale=8, border=3, light="white")
        st.html(f'<img class="qr" src="{picture}" alt="QR code of {join}">', width="content")
    st.caption(_OVERHEARD)


def _address() -> str:
    """Where others find this server; a choice where it may be at several, and a sentence where only this machine does."""
    host, _, _ = (st.context.headers.get("Host") or "").rpartition(":")
    found = guard.addresses_for_others(host)
    if not found:
        st.warning(
            "This server is open to this machine only: start it with `--server.address=0.0.0.0` at the end of the command, "
            "and the class can come in.",
            icon=":material/lan:",
        )
    if len(found) < 2:
        return (found or guard.addresses())[0]
    return str(
        st.selectbox(
            "Address on the network",
            found,
            key=_CHOSEN,
            persist_state="session",
            width=320,
            help="This machine is on several networks: choose the one that the class is on.",
        )
    )
