"""The teacher's part of the Class page from which the stage is steered, wherever the projector stands."""

import streamlit as st

from mnist_lab.lesson.stage import FIRST
from mnist_lab.store.classes import Class
from mnist_lab.ui import fields, guard, shell
from mnist_lab.ui.lesson.scenes import SCENES
from mnist_lab.ui.session import act, lab, looker, person

_SCHEMES = {"system": "As the browser", "light": "Light", "dark": "Dark"}


def show(room: Class) -> None:
    """Which scene is shown, what it needs, and how a projector's browser gets there."""
    del room
    staged = lab().stage.now(by=person())
    if staged is None:
        return
    shown = staged.scene if staged.scene in SCENES else FIRST
    st.segmented_control(
        "On the stage now",
        list(SCENES),
        required=True,
        format_func=lambda name: SCENES[name].title,
        **fields.bound("stage-now", shown, lambda name: act(lab().stage.show, name), argument="default"),
    )
    if (steer := SCENES[shown].steer) is not None:
        steer(looker(), staged.of(shown))
    elif shown == "drawing":
        st.caption("Draw a digit on the Inspect page, under Draw, and press Show on the stage.")
    st.segmented_control(
        "Light or dark",
        list(_SCHEMES),
        required=True,
        format_func=_SCHEMES.__getitem__,
        **fields.bound(
            "stage-scheme", staged.scheme, lambda scheme: act(lab().stage.light, scheme), argument="default"
        ),
    )
    _link()


def _link() -> None:
    """How a browser becomes the stage's."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.link_button("Open the stage", f"{shell.base()}/stage", icon=":material/open_in_new:")
        st.caption("In a new tab of this browser, to be dragged to the projector; F11 makes it fill the screen.")
    host, _, _ = (st.context.headers.get("Host") or "").rpartition(":")
    addresses = guard.addresses_for_others(host) or guard.addresses()
    st.markdown("Or on the projector's own machine, whose browser then looks on and can change nothing:")
    st.code(f"{addresses[0]}/watch/{lab().stage.token(by=person())}", language=None)
    st.button(
        "Another link",
        key="stage-renew",
        icon=":material/autorenew:",
        help="Browsers that came by this link see nothing any more.",
        on_click=act,
        args=(lab().stage.renew,),
    )
