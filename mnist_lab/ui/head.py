"""The head of a page: its title and, in one line, what it is for; at its end the switch of a presentation."""

import streamlit as st

from mnist_lab.ui import presentation
from mnist_lab.ui.navigation import Page


def show(page: Page) -> None:
    """Title, purpose and switch, in a row."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="page-head"):
        st.title(page.title, anchor=False, width="content")
        st.caption(page.purpose)
        presentation.switch()
