"""The one stylesheet of the app: what Streamlit's theme cannot say."""

from pathlib import Path

import streamlit as st

_STYLE, _PRESENTATION, _NAMELESS = (
    f"<style>{(Path(__file__).parent / name).read_text(encoding='utf-8')}</style>"
    for name in ("style.css", "presentation.css", "nameless.css")
)


def show(*, presenting: bool, nameless: bool) -> None:
    """Put the stylesheet into the page, that of a presentation where one is given, and that which keeps names out of files
    where they may not hold any."""
    st.html(_STYLE)
    if presenting:
        st.html(_PRESENTATION)
    if nameless:
        st.html(_NAMELESS)
