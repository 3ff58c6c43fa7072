"""How a class is opened, and how pupils get in: code, address and a QR code that holds both."""

from collections.abc import Callable

import segno
import streamlit as st

from mnist_lab.store.classes import Class
from mnist_lab.ui import guard
from mnist_lab.ui.session import act, lab

_OVERHEARD = (
    "What is sent goes over the network as it is (plain HTTP): whoever controls the network can read it. Use one that you "
    "trust, and tell pupils to give no more than a first name."
)
_CHOSEN, _LARGE, _BEGAN_LARGE = "class_address", "entrance_large", "entrance_began_large"
FEW = 8  # in the class, as long as which the code begins large


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


def beside(room: Class, show_class: Callable[[], None], *, pupils: int) -> None:
    """The way in, and the class itself: alone as long as nobody is in, then beside the class, which comes first; in a line
    where the teacher wants no more of it. Nothing of that changes while pupils come in, who read the code."""
    if not room.is_open:
        st.warning(
            "The class is closed: nobody joins or trains any more, and everybody can still look.",
            icon=":material/lock:",
        )
        show_class()
    elif not pupils:
        _large(room)
        show_class()
    else:
        with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="entrance-line"):
            line = st.container(horizontal=True, vertical_alignment="center", width="content")
            began = st.session_state.setdefault(_BEGAN_LARGE, pupils < FEW)
            is_large = st.toggle("Large code", began, key=_LARGE, persist_state="session")
        if is_large:
            left, right = st.columns([3, 2], gap="medium")
            with right:
                _large(room)
            with left:
                show_class()
        else:
            with line:
                _small(room)
            show_class()


def _small(room: Class) -> None:
    """Address and code in a line, the QR code on request."""
    place = st.container(width="content", key="entrance-words")
    with st.popover("QR code", icon=":material/qr_code_2:", key="entrance-qr"):
        address = _address()
        _qr(address, room)
    place.markdown(f"Join at **{address.split('//')[-1]}/join** with the code **{_spaced(room.code)}**")


def _large(room: Class) -> None:
    """Address, code and QR code."""
    place = st.container()
    address = _address()
    with place.container(horizontal=True, gap="medium", vertical_alignment="center", key="entrance"):
        with st.container(key="entrance-code", width="content", gap="xsmall"):
            st.caption("Open in a browser")
            st.subheader(f"{address.split('//')[-1]}/join", anchor=False)
            st.caption("and type the code")
            st.header(_spaced(room.code), anchor=False)
        _qr(address, room)
    st.caption(_OVERHEARD)


def _qr(address: str, room: Class) -> None:
    join = f"{address}/join?code={room.code}"
    # Dark on white in either theme: not every camera reads it the other way round.
    picture = segno.make(join, micro=False).svg_data_uri(scale=8, border=3, light="white")
    st.html(f'<img class="qr" src="{picture}" alt="QR code of {join}">', width="content")


def _spaced(code: str) -> str:
    return f"{code[:3]} {code[3:]}"


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
