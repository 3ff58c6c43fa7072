"""Waiting for answers on a page, with an engine that the test plays."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.design.presets import PRESETS
from mnist_lab.store.questions import Question
from mnist_lab.store.store import Store
from mnist_lab.ui import ask

pytestmark = pytest.mark.usefixtures("lab_url", "two_runs")

TWO = """
import streamlit as st
from mnist_lab.inspection.questions import Answer
from mnist_lab.ui import ask
with ask.together([Answer(run_id=run_id, image="x") for run_id in (1, 2)]) as pending:
    for one in pending:
        found = one.wait("reading the digit")
        st.write("nothing" if found is None else f"answer {found['of']}")
"""
LEFT = """
import streamlit as st
from mnist_lab.inspection.questions import Answer
from mnist_lab.ui import ask
with ask.together([Answer(run_id=run_id, image="x") for run_id in (1, 2)]):
    st.stop()
"""
ON_REQUEST = """
import streamlit as st
from mnist_lab.inspection.questions import Hidden
from mnist_lab.ui import ask
epoch = st.number_input("Epoch", 1, 9, 1)
found = ask.on_request("Draw", {f"asking run {i}": Hidden(run_id=i, epoch=epoch) for i in (1, 2)})
if found is not None:
    st.write(f"answers {[int(one['of']) for one in found]}")
"""


@pytest.fixture
def two_runs(store: Store) -> None:
    """The runs 1 and 2, which the questions are about."""
    store.queue.add([PRESETS["3x3"]] * 2, "ada")


@contextlib.contextmanager
def engine(store: Store, serve: Callable[[list[Question]], None]) -> Iterator[None]:
    """Calls `serve` with all questions that were taken so far, whenever a new one has come."""
    is_over = threading.Event()
    taken: list[Question] = []

    def work() -> None:
        while not is_over.wait(0.01):
            if found := store.questions.claim("played"):
                taken.extend(found)
                serve(taken)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def complete(store: Store, question: Question) -> None:
    store.questions.complete(question.id, {"of": np.array(question.arguments["run_id"])})


def both_or_none(store: Store) -> Callable[[list[Question]], None]:
    """Answers nothing before there are two questions."""

    def serve(taken: list[Question]) -> None:
        for question in taken if len(taken) == 2 else []:
            complete(store, question)

    return serve


def shown(test: AppTest) -> list[str]:
    assert not test.exception
    return [one.value for one in test.markdown]


def is_empty(store: Store) -> bool:
    return store.questions.claim("another") == []


def test_all_networks_are_asked_before_the_first_answer_is_waited_for(store: Store) -> None:
    with engine(store, both_or_none(store)):
        test = AppTest.from_string(TWO, default_timeout=30).run()
    assert shown(test) == ["answer 1", "answer 2"]
    assert not test.error


def test_a_refusal_is_a_sentence_on_the_page_and_the_others_are_answered(store: Store) -> None:
    def serve(taken: list[Question]) -> None:
        question = taken[-1]
        if question.arguments["run_id"] == 1:
            store.questions.fail(question.id, "Run 1: its *weights* are not kept.")
        else:
            complete(store, question)

    def each(taken: list[Question]) -> None:
        for last in range(1, len(taken) + 1):
            serve(taken[:last])

    with engine(store, each):
        test = AppTest.from_string(TWO, default_timeout=30).run()
    assert shown(test) == ["nothing", "answer 2"]
    assert [error.value for error in test.error] == ["Run 1: its \\*weights\\* are not kept."]


def test_without_an_engine_the_wait_ends_and_leaves_no_question_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "NOT_WORKING_AFTER_SECONDS", 0.4)
    test = AppTest.from_string(TWO, default_timeout=30).run()
    assert shown(test) == ["nothing", "nothing"]
    assert "There is no worker to answer" in test.error[0].value
    assert is_empty(store)


def test_who_leaves_cancels_what_is_not_answered(store: Store) -> None:
    shown(AppTest.from_string(LEFT, default_timeout=30).run())
    assert is_empty(store)


def test_a_question_that_has_vanished_is_asked_again(store: Store) -> None:
    gone: list[int] = []

    def serve(taken: list[Question]) -> None:
        question = taken[-1]
        if not gone:
            gone.append(question.id)
            store.questions.cancel(question.id)
        for other in taken:
            if other.id not in gone:
                complete(store, other)

    with engine(store, serve):
        test = AppTest.from_string(TWO, default_timeout=30).run()
    assert shown(test) == ["answer 1", "answer 2"]


def test_what_takes_seconds_is_asked_at_the_press_of_a_button_and_shown_until_something_else_is_asked(
    store: Store,
) -> None:
    test = AppTest.from_string(ON_REQUEST, default_timeout=30).run()
    assert shown(test) == []
    assert is_empty(store)
    with engine(store, both_or_none(store)):
        test.button(key="press-hidden").click().run()
        assert shown(test) == ["answers [1, 2]"]
        assert [one.label for one in test.button] == ["Draw"], "there is nothing left to stop"
    assert shown(test.run()) == ["answers [1, 2]"], "without another press"
    test.number_input[0].set_value(2).run()
    assert shown(test) == []
    assert is_empty(store)
