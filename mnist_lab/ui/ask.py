"""Waiting for the answer to a question on a page: at once where it is quick, else with progress, and never without an end."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.inspection.questions import Question
from mnist_lab.store.lease import NOT_WORKING, WARMING_UP
from mnist_lab.ui.session import lab, person
from mnist_lab.ui.text import plain, refusal

POLL_SECONDS = 0.02
SHOWN_AFTER_SECONDS = 0.3
NOT_WORKING_AFTER_SECONDS = 5.0
NO_ENGINE = "There is no worker to answer: the engine is not running. Restart the app; if this stays, see its log."

Arrays = dict[str, np.ndarray]
_PEEKED = "question_peeked_at"


@st.cache_resource(max_entries=64, show_spinner=False)
def _answer(url: str, question_id: int, kind: str) -> Arrays:
    """Read once for all who look at the same thing."""
    del url, kind
    return lab().store.questions.answer(question_id) or {}


class Pending:
    """A question that has been submitted."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._is_done = False
        self._id = self._submit()

    def _submit(self) -> int:
        return lab().ask(self._question, by=person())

    def wait(self, words: str) -> Arrays | None:
        """The answer, as soon as it is there.

        Args:
            words: what is being done, shown with its progress where it takes longer than a moment.

        Returns:
            None where there is none; a sentence on the page says why.
        """
        place = st.empty()
        began = time.monotonic()
        while True:
            now = lab().store.questions.get(self._id)
            waited = time.monotonic() - began
            if now is None:
                self._id = self._submit()
            elif now.error:
                self._is_done = True
                refusal(now.error, place)
                return None
            elif now.is_done:
                self._is_done = True
                place.empty()
                return _answer(lab().store.url, self._id, self._question.kind)
            elif waited > SHOWN_AFTER_SECONDS:
                state = lab().engine_state()
                if (state is None or state.startswith(NOT_WORKING)) and waited > NOT_WORKING_AFTER_SECONDS:
                    refusal(NO_ENGINE if state is None else f"No worker can answer: {state}", place)
                    return None
                waiting = "a worker is warming up" if state == WARMING_UP else words
                place.progress(now.progress, plain(f"{waiting[:1].upper()}{waiting[1:]} …"))
                time.sleep(0.1)
            time.sleep(POLL_SECONDS)

    def cancel(self) -> None:
        """Nobody waits here any more, unless it is answered."""
        if not self._is_done:
            lab().store.questions.cancel(self._id)


@contextlib.contextmanager
def together(questions: Iterable[Question]) -> Iterator[list[Pending]]:
    """Submit several questions at once, to be waited for one by one. What the reader does meanwhile ends the wait, and
    cancels those that have no answer yet."""
    pending: list[Pending] = []
    try:
        for question in questions:
            pending.append(Pending(question))
        yield pending
    finally:
        for one in pending:
            one.cancel()


def ask(question: Question, words: str) -> Arrays | None:
    """The answer to one question, as of `Pending.wait`."""
    with together([question]) as (one,):
        return one.wait(words)


def peek(question: Question) -> Arrays | None:
    """The answer to a question where it is there by now, else None: asks, and waits for nothing.

    Raises:
        InputError: there will be no answer; says why.
    """
    asked, number = st.session_state.get(_PEEKED, (None, 0))
    now = lab().store.questions.get(number) if asked == question else None
    if now is None:
        number = lab().ask(question, by=person())
        st.session_state[_PEEKED] = (question, number)
        now = lab().store.questions.get(number)
    if now is None or not now.is_done:
        return None
    if now.error:
        raise InputError(now.error)
    return _answer(lab().store.url, number, question.kind)


def on_request(label: str, asked: Mapping[str, Question]) -> list[Arrays] | None:
    """The answers to questions of one kind that take seconds, once somebody presses a button for them; Stop cancels them.

    Args:
        label: of the button; asked: each question by what is being done.
    """
    wanted = list(asked.values())
    kind = wanted[0].kind
    key = f"requested-{kind}"

    def stop() -> None:
        st.session_state.pop(key, None)

    with st.container(horizontal=True):
        if st.button(label, icon=":material/play_arrow:", key=f"press-{kind}"):
            st.session_state[key] = wanted
        if st.session_state.get(key) != wanted:
            return None
        place = st.empty()
    place.button(
        "Stop", icon=":material/stop:", key=f"give-up-{kind}", on_click=stop, help="Cancels what is not done yet."
    )
    found = []
    with together(wanted) as pending:
        for words, one in zip(asked, pending, strict=True):
            answer = one.wait(words)
            if answer is None:
                stop()
                return None
            found.append(answer)
    place.empty()
    return found
