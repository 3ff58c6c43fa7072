"""A button that prints the page, which the stylesheet makes one sheet without menu and tools."""

from pathlib import Path
from typing import Any

import streamlit as st

_HTML = """<button type="button">
  Print
</button>"""  # several lines, for Streamlit takes one for the name of a file
_CSS = """button {
  font: inherit;
  color: var(--st-text-color);
  background: var(--st-background-color);
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius, 0.5rem);
  min-height: 2.5rem;
  padding: 0.25rem 0.75rem;
  cursor: pointer;
}
button:hover {
  border-color: var(--st-primary-color);
  color: var(--st-primary-color);
}
button:focus-visible {
  outline: 0.1875rem solid var(--st-primary-color);
  outline-offset: 0.125rem;
}"""
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("mnist_lab.printing", html=_HTML, css=_CSS, js=_JS)


def button() -> None:
    """Print, as the browser's own menu does."""
    _component()(key="print-study", height="content", width="content")
