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


def show(name: str = _KEY, *, turn: int = 0, is_live: bool = True) -> Strokes:
    """The pad, and what is drawn on it. In a fragment, only that is redrawn with each stroke.

    Args:
        name: of this pad, which keeps its own drawing.
        turn: with another one the pad is emptied, in its place.
        is_live: whether the drawing is heard of while a stroke is drawn, or only when it ends: so that many may draw at once.

    Raises:
        InputError: what the browser sent is no drawing.
    """
    result = _component()(
        key=name,
        data={
            "seen": _sent(name).get("number", 0),
            "strokes": kept(name, turn=turn),
            "turn": turn,
            "live": is_live,
        },
        default={"drawing": None},
        on_drawing_change=lambda: None,
    )
    if isinstance(result.drawing, dict) and result.drawing.get("turn", 0) == turn:
        st.session_state[_kept_as(name, turn)] = drawing.strokes(result.drawing.get("strokes"))
    return kept(name, turn=turn)


def kept(name: str = _KEY, *, turn: int = 0) -> Strokes:
    """The last drawing of this session on a pad."""
    strokes: Strokes = st.session_state.get(_kept_as(name, turn), [])
    return strokes


def latest(name: str, *, turn: int) -> Strokes:
    """What is drawn on a pad, for the callback of a button: before the page has been drawn with it. Raises InputError as `show`."""
    sent = _sent(name)
    return (
        drawing.strokes(sent["strokes"]) if "strokes" in sent and sent.get("turn", 0) == turn else kept(name, turn=turn)
    )


def _sent(name: str) -> dict[str, Any]:
    drawn = (st.session_state.get(name) or {}).get("drawing")
    return drawn if isinstance(drawn, dict) else {}


def _kept_as(name: str, turn: int) -> str:
    return _KEPT if name == _KEY else f"{_KEPT}-{name}-{turn}"
