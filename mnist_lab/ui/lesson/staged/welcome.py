"""The scene of a lesson's beginning: how one gets into the class, and how many are in."""

from html import escape
from typing import Any

import segno
import streamlit as st

from mnist_lab.numerals import counted
from mnist_lab.reader import Reader
from mnist_lab.ui import fields, guard
from mnist_lab.ui.lesson.staged import parts
from mnist_lab.ui.session import seen, shared


def show(reader: Reader, data: dict[str, Any]) -> None:
    """Address, code and QR code, as large as there is room."""
    room = reader.rights.room
    assert room
    if not room.is_open:
        parts.heading("The class is closed", "Nobody joins any more.")
        return
    addresses = _addresses()
    address = data["address"] if data["address"] in addresses else addresses[0]
    join = f"{address}/join?code={room.code}"
    picture = segno.make(join, micro=False).svg_data_uri(scale=8, border=3, light="white")
    where = escape(f"{address.split('//')[-1]}/join")
    # A long address wraps where it has a dot or a slash.
    where = where.replace(".", ".<wbr>").replace("/", "<wbr>/")
    is_in = _is_in(room.id)
    parts.heading("Join the class", f"{counted(is_in, 'pupil')} in" if is_in else "Nobody is in yet")
    st.html(
        f'<div class="stage-welcome"><div><p>Open in a browser</p><p class="stage-address">{where}</p>'
        f'<p>and type the code</p><p class="stage-code">{room.code[:3]} {room.code[3:]}</p></div>'
        f'<img src="{picture}" alt="QR code of {escape(join)}"></div>'
    )


def steer(reader: Reader, data: dict[str, Any]) -> None:
    """Which address is shown, where this machine has several."""
    del reader
    addresses = _addresses()
    if len(addresses) > 1:
        shown = data["address"] if data["address"] in addresses else addresses[0]
        st.selectbox(
            "Address on the network",
            addresses,
            width=320,
            help="This machine is on several networks: choose the one that the class is on.",
            **fields.bound(
                "stage-address", shown, parts.keep("welcome", data, "address"), argument="index", options=addresses
            ),
        )


def _addresses() -> list[str]:
    host, _, _ = (st.context.headers.get("Host") or "").rpartition(":")
    return guard.addresses_for_others(host) or guard.addresses()


@shared
def _is_in(class_id: int) -> int:
    del class_id
    return len(seen().classmates())
