"""The head of a page: its title and, in one line, what it is for."""

import streamlit as st

from mnist_lab.ui.navigation import Page


def show(page: Page) -> None:
    """Title and purpose of a page, in a row."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="page-head"):
        st.title(page.title, anchor=False, width="content")
        st.caption(page.purpose)
