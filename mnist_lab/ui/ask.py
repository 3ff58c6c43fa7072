"""Waiting for the answer to a question on a page: at once where it is quick, else with progress, and never without an end."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from mnist_lab.store.lease import NOT_WORKING, WARMING_UP
from mnist_lab.ui.session import lab
from mnist_lab.ui.text import plain, refusal

POLL_SECONDS = 0.02
SHOWN_AFTER_SECONDS = 0.3
NOT_WORKING_AFTER_SECONDS = 5.0
NO_ENGINE = "No worker is there to answer: the engine is not running; restart the app, and see its log if this stays."


@st.cache_resource(max_entries=64, show_spinner=False)
def _answer(url: str, question_id: int, kind: str) -> dict[str, np.ndarray]:
    """Read once for all who look at the same thing."""
    del url, kind
    return lab().store.questions.answer(question_id) or {}


def ask(kind: str, words: str, **arguments: Any) -> dict[str, np.ndarray] | None:
    """The answer to a question about a trained network. Waits for it; what the reader does meanwhile ends the wait and cancels
    the question.

    Args:
        words: what is being done, shown with its progress where it takes longer than a moment.

    Returns:
        None where there is none; a sentence on the page says why.
    """
    question_id = lab().store.questions.submit(kind, arguments)
    place = st.empty()
    began = time.monotonic()
    is_done = False
    try:
        while True:
            question = lab().store.questions.get(question_id)
            waited = time.monotonic() - began
            if question is None:
                question_id = lab().store.questions.submit(kind, arguments)
            elif question.error:
                is_done = True
                refusal(question.error, place)
                return None
            elif question.is_done:
                is_done = True
                place.empty()
                return _answer(lab().store.url, question_id, kind)
            elif waited > SHOWN_AFTER_SECONDS:
                state = lab().engine_state()
                if (state is None or state.startswith(NOT_WORKING)) and waited > NOT_WORKING_AFTER_SECONDS:
                    refusal(NO_ENGINE if state is None else f"No worker can answer: {state}", place)
                    return None
                waiting = "a worker is waking up" if state == WARMING_UP else words
                place.progress(question.progress, plain(f"{waiting[:1].upper()}{waiting[1:]} …"))
                time.sleep(0.1)
            time.sleep(POLL_SECONDS)
    finally:
        if not is_done:
            lab().store.questions.cancel(question_id)


def on_request(kind: str, label: str, asked: Mapping[str, Mapping[str, Any]]) -> list[dict[str, np.ndarray]] | None:
    """The answers to questions that take seconds, once somebody presses a button for them; Stop gives them up.

    Args:
        label: of the button; asked: the arguments of each question, by what is being done.
    """
    key = f"requested-{kind}"
    wanted = list(asked.values())

    def stop() -> None:
        st.session_state.pop(key, None)

    with st.container(horizontal=True):
        if st.button(label, icon=":material/play_arrow:", key=f"press-{kind}"):
            st.session_state[key] = wanted
        if st.session_state.get(key) != wanted:
            return None
        place = st.empty()
    place.button(
        "Stop", icon=":material/stop:", key=f"give-up-{kind}", on_click=stop, help="Gives up what is not done."
    )
    found = []
    for words, arguments in asked.items():
        answer = ask(kind, words, **arguments)
        if answer is None:
            stop()
            return None
        found.append(answer)
    place.empty()
    return found
