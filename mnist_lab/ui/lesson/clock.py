"""The countdown of a round. It runs in the browser, from the seconds that the server says are left: clocks of pupils' machines
are off."""

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__)
_HTML = """<div class="clock">
  <span class="word">Round</span>
  <span class="left" role="timer"></span>
  <span class="said" role="status"></span>
</div>"""
_CSS, _JS = (_HERE.with_suffix(kind).read_text(encoding="utf-8") for kind in (".css", ".js"))


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("mnist_lab.clock", html=_HTML, css=_CSS, js=_JS)


def show(seconds_left: float, ends: float, key: str) -> None:
    """What is left of the round that goes on.

    Args:
        ends: its end by the server's clock; says only whether it is another one than before.
    """
    data = {"left": round(seconds_left, 1), "ends": ends}
    _component()(key=key, data=data, height="content", width="content")
