"""Start a study from wherever that is offered, and go to it."""

from collections.abc import Callable

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.ui import navigation
from mnist_lab.ui.session import ONCE
from mnist_lab.ui.text import refusal

_STARTED = "study_started"


def study(pressed: str, start: Callable[[], int]) -> None:
    """Start a study at the press of a button, and go there; where that is refused the page says why.

    Args:
        pressed: what `pressed_once` returned; another click on the same button leads to the study that it started.
        start: starts the study, and returns its id.
    """
    if pressed == ONCE:
        st.session_state.pop(_STARTED, None)
        try:
            st.session_state[_STARTED] = start()
        except InputError as error:
            refusal(error)
    if pressed and (study_id := st.session_state.get(_STARTED)):
        st.switch_page(navigation.STUDIES.script, query_params={"study": str(study_id)})
