"""Presentation: everything larger, menu and tools away. A switch and a key, kept in the address."""

import streamlit as st

from mnist_lab.ui import url

PARAMETER = "present"
SHORTCUT = "Alt+P"
_ON, _ARRIVED = "is_presenting", "presentation_arrived"
_SCALE = 1.5  # of type and lines; that of the root's font in presentation.css


def is_on() -> bool:
    """Whether this session presents."""
    return bool(st.session_state.get(_ON))


def scale() -> float:
    """How much larger than usual type and lines of a chart are."""
    return _SCALE if is_on() else 1.0


def load() -> None:
    """Present where the address says so, when somebody arrives at it."""
    if _ARRIVED not in st.session_state or url.is_from_history():
        st.session_state[_ARRIVED] = True
        _set(is_on=PARAMETER in st.query_params)


def switch() -> None:
    """The button that begins a presentation or ends it; a key does the same."""
    st.button(
        "End presentation" if is_on() else "Present",
        key="presentation",
        icon=":material/cancel_presentation:" if is_on() else ":material/present_to_all:",
        type="tertiary",
        shortcut=SHORTCUT,
        on_click=_turn,
        help="For a projector: larger type and lines, menu and tools away.",
    )


def _turn() -> None:
    _set(is_on=not is_on())
    if not is_on():
        st.query_params.pop(PARAMETER, None)


def _set(*, is_on: bool) -> None:
    st.session_state[_ON] = is_on
    url.also(PARAMETER, "1" if is_on else None)
