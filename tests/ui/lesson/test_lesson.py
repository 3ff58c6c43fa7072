"""What goes on in a lesson, above every page, and when it is drawn again."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies
from mnist_lab.store.store import Store
from mnist_lab.ui import session
from tests.builders.classes import open_class, pupil
from tests.builders.pages import healthy

PAGE = """
import streamlit as st
from mnist_lab.ui import session
from mnist_lab.ui.lesson import lesson

session.lab()
lesson.PARTS = (lesson.Part(session.shared(st.session_state["read"]), lambda reader: st.caption(f"for {reader.rights.owner}")),)
lesson.show()
st.session_state["drawn"] = st.session_state.get("drawn", 0) + 1
session.footer(lesson.follow)
"""


@pytest.fixture
def parts() -> Iterator[None]:
    from mnist_lab.ui.lesson import lesson

    before = lesson.PARTS
    yield
    lesson.PARTS = before


@pytest.mark.usefixtures("parts", "lab_url")
def test_a_part_is_drawn_for_who_is_in_a_class_and_again_only_when_it_has_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = open_class(store)
    cleo = pupil(store, "Cleo")
    monkeypatch.setattr(Cookies, "person", lambda self, value: cleo)
    asked: list[int] = []
    state = ["a"]

    def read(class_id: int) -> str:
        asked.append(class_id)
        return state[0]

    test = AppTest.from_string(PAGE)
    test.session_state["read"] = read
    healthy(test.run())
    assert "for pupil" in test.caption[0].value
    assert set(asked) == {room}
    drawn = test.session_state["drawn"]
    healthy(test.run())
    assert test.session_state["drawn"] == drawn + 1, "nothing has changed: it is drawn once"
    state[0] = "b"
    session._shared.clear()
    healthy(test.run())
    assert test.session_state["drawn"] == drawn + 2


@pytest.mark.usefixtures("parts", "lab_url")
def test_without_a_class_nothing_is_read() -> None:
    asked: list[int] = []
    test = AppTest.from_string(PAGE)
    test.session_state["read"] = asked.append
    healthy(test.run())
    assert asked == []
    assert not [caption for caption in test.caption if caption.value.startswith("for ")]


@pytest.mark.usefixtures("lab_url")
def test_what_is_shared_is_read_once_a_second_for_all() -> None:
    asked: list[int] = []

    def read(class_id: int) -> int:
        asked.append(class_id)
        return len(asked)

    once = session.shared(read)
    assert [once(1), once(1), once(2)] == [1, 1, 2]
    assert asked == [1, 2]
