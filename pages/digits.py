"""Digits: everyone draws, and a network is tested on what was drawn."""

import streamlit as st

from mnist_lab.ui import head, navigation
from mnist_lab.ui.lesson import digit_scores, digit_set, digits
from mnist_lab.ui.session import errors_shown

VIEWS = {"Draw": digits.show, "All of them": digit_set.show, "How networks read them": digit_scores.show}

head.show(navigation.DIGITS)
with errors_shown():
    view = st.segmented_control(
        "View",
        list(VIEWS),
        default="Draw",
        required=True,
        key="digits-view",
        persist_state="session",
        label_visibility="collapsed",
    )
    VIEWS[view]()
