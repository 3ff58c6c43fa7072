"""What a screen reader says, and nobody sees: sentences that change with what a page shows."""

from pathlib import Path
from typing import Any

import streamlit as st

_HTML = '<div role="status"></div>'
_CSS = """[role=status] {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
}"""  # several lines, for Streamlit takes one for the name of a file
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("mnist_lab.heard", html=_HTML, css=_CSS, js=_JS)


def say(words: str, key: str) -> None:
    """Have it said once somebody has stopped doing something else, and again whenever the words change."""
    _component()(key=key, data={"words": words}, height="content")
