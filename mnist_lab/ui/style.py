"""The one stylesheet of the app: what Streamlit's theme cannot say."""

from pathlib import Path

import streamlit as st

_STYLE, _PRESENTATION = (
    f"<style>{(Path(__file__).parent / name).read_text(encoding='utf-8')}</style>"
    for name in ("style.css", "presentation.css")
)


def show(*, presenting: bool) -> None:
    """Put the stylesheet into the page, and that of a presentation where one is given."""
    st.html(_STYLE)
    if presenting:
        st.html(_PRESENTATION)
