"""The pad to draw a digit on."""

from pathlib import Path
from typing import Any

import streamlit as st

from mnist_lab.data import drawing
from mnist_lab.data.drawing import Strokes

_HERE = Path(__file__).parent
_KEY = "pad"
_KEPT = "drawn_strokes"
_HTML, _CSS, _JS = ((_HERE / f"pad.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("mnist_lab.pad", html=_HTML, css=_CSS, js=_JS)


def show() -> Strokes:
    """The pad, and what is drawn on it. In a fragment, only that is redrawn with each stroke.

    Raises:
        InputError: what the browser sent is no drawing.
    """
    state = st.session_state.get(_KEY) or {}
    drawn = state.get("drawing") or {}
    seen = drawn.get("number", 0) if isinstance(drawn, dict) else 0
    result = _component()(
        key=_KEY,
        data={"seen": seen, "strokes": st.session_state.get(_KEPT, [])},
        default={"drawing": None},
        on_drawing_change=lambda: None,
    )
    if isinstance(result.drawing, dict):
        st.session_state[_KEPT] = drawing.strokes(result.drawing.get("strokes"))
    return kept()


def kept() -> Strokes:
    """The last drawing of this session."""
    strokes: Strokes = st.session_state.get(_KEPT, [])
    return strokes
