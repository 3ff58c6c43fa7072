"""A class at a glance and what is sent to it, on the pages of its teacher and its pupils."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies, teacher
from mnist_lab.classroom.settings import ClassSettings
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.lesson.glance import Trouble
from mnist_lab.lesson.messages import PageLink
from mnist_lab.person import Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.ui import session
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.lesson import glance
from tests.builders.pages import button, healthy, page, press
from tests.builders.runs import finish
from tests.pages.test_class import joined, labels, opened, texts

TEACHER = teacher()
CARDS = '<ol class="glance">'


@pytest.fixture
def lab(store: Store) -> Lab:
    lab = session.lab()  # the server's own, which knows who is there
    assert lab.store.url == store.url
    lab.classroom.open(by=TEACHER)
    return lab


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [TEACHER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def looks(who: Person, path: str, shown_by: list[Person]) -> AppTest:
    """A page in somebody's browser, as it is now: what all share is read anew."""
    shown_by.append(who)
    st.cache_resource.clear()
    return opened(path)


def cards(test: AppTest) -> str:
    return next(element.proto.body for element in test.get("html") if CARDS in element.proto.body)


def test_the_way_in_is_alone_until_somebody_is_in(lab: Lab, shown_by: list[Person]) -> None:
    room = lab.store.classes.current()
    test = healthy(page("class"))
    assert f"{room.code[:3]} {room.code[3:]}" in texts(test)
    assert not any(CARDS in element.proto.body for element in test.get("html"))
    joined(lab, "Ada")
    st.cache_resource.clear()
    test = healthy(page("class"))
    assert "0 of 1 here" in texts(test)
    assert "Ada" in cards(test)
    assert f"{room.code[:3]} {room.code[3:]}" in [header.value for header in test.header], "still large"
    test.toggle(key="entrance_large").set_value(False).run()
    assert f"{room.code[:3]} {room.code[3:]}" not in [header.value for header in test.header]
    assert f"{room.code[:3]} {room.code[3:]}" in texts(test), "in a line"
    lab.classroom.close(by=TEACHER)
    test = healthy(page("class"))
    assert "The class is closed" in texts(test)
    assert "Ada" in cards(test)


def test_a_pupils_page_tells_the_teacher_where_they_are_and_what_they_design(lab: Lab, shown_by: list[Person]) -> None:
    ada, bob = joined(lab, "Ada"), joined(lab, "Bob <b>")
    looks(ada, "", shown_by)
    looks(bob, "results", shown_by)
    shown_by.append(TEACHER)
    st.cache_resource.clear()
    test = healthy(page("class"))
    assert "2 of 2 here" in texts(test)
    found = cards(test)
    assert "designs " in found
    assert "on Results" in found
    assert "Bob &lt;b&gt;" in found
    assert "Bob <b>" not in found
    assert "Nobody is stuck" in texts(test)


def test_a_refused_run_is_seen_by_the_teacher(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    lab.classroom.allow(ClassSettings(seconds=1), by=TEACHER)
    press(looks(ada, "", shown_by), "Train")
    shown_by.append(TEACHER)
    st.cache_resource.clear()
    test = healthy(page("class"))
    assert "**Refused:** Ada" in texts(test)
    assert "your teacher allows 1 s a run" in cards(test)


def test_every_trouble_has_its_icon() -> None:
    assert set(glance._ICONS) == set(Trouble)


def test_a_look_at_a_pupil_leads_to_their_runs(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    run_id, other = lab.start(PRESETS["fast"], by=ada) + lab.start(PRESETS["3x3"], by=TEACHER)
    finish(lab.store, run_id, 0.9)
    lab.store.queue.claim("engine", only=[other])
    lab.store.recording.end(other, Status.FAILED, "It failed.")
    test = healthy(page("class"))
    assert f'href="run?run={run_id}"' in cards(test)
    assert "90.00 %" in cards(test)
    test.selectbox(key="glance_pupil").select(ada.key).run()
    test = press(test, "All their runs")
    assert [title.value for title in test.title] == ["Results"]
    assert "Filtered by owner" in texts(test)
    assert "1 of 2 rows" in texts(test)


def test_nobody_but_the_teacher_sees_the_class_at_a_glance(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    test = looks(ada, "class", shown_by)
    assert "/teach/" in texts(test)
    assert not any(CARDS in element.proto.body for element in test.get("html"))


def test_a_note_is_seen_by_whom_it_is_for_as_it_was_written_until_they_put_it_away(
    lab: Lab, shown_by: list[Person]
) -> None:
    ada, bob = joined(lab, "Ada"), joined(lab, "Bob")
    note = lab.messages.note("Kernels of *2* are [small](https://example.com).", to=ada.key, by=TEACHER)
    assert "Your teacher:" not in texts(looks(bob, "train", shown_by))
    assert "Your teacher:" not in texts(looks(TEACHER, "train", shown_by))
    test = looks(ada, "train", shown_by)
    assert r"\*2\*" in texts(test)
    assert r"\[small\]" in texts(test)
    assert lab.messages.all(by=TEACHER)[0].shown == {ada.key}
    healthy(test.button(key=f"message-away-{note}").click().run())
    assert "Your teacher:" not in texts(test), "at once"
    assert lab.messages.all(by=TEACHER)[0].read == {ada.key}
    assert "Your teacher:" not in texts(looks(ada, "results", shown_by))


def test_a_few_are_shown_at_once_the_newest_first(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    for number in range(5):
        lab.messages.note(f"Note {number}.", by=TEACHER)
    shown = [one.value for one in looks(ada, "train", shown_by).markdown if "Your teacher:" in one.value]
    assert [one.rpartition(": ")[2] for one in shown] == ["Note 4.", "Note 3."]


def test_a_design_is_opened_with_one_click_and_ones_own_comes_back(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    test = looks(ada, "", shown_by)
    mine = test.session_state["history"].present
    sent = lab.messages.send_design(PRESETS["7x7"], "What if kernels are large?", by=TEACHER)
    st.cache_resource.clear()
    healthy(test.run())
    assert "shows you a design, **7x7**" in texts(test)
    press(test, "Open the design")
    history = test.session_state["history"]
    assert history.present == drafts.of_experiment(PRESETS["7x7"])
    assert history.undo().present == mine, "it can be undone"
    assert "shows you a design" not in texts(test)
    assert lab.messages.all(by=TEACHER)[0].id == sent
    assert lab.messages.all(by=TEACHER)[0].read == {ada.key}
    press(test, "Back to mine")
    assert test.session_state["history"].present == mine
    assert "Back to mine" not in labels(test)


def test_a_page_is_opened_with_one_click_where_it_is_not_locked(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    (run_id,) = lab.start(PRESETS["fast"], by=ada)
    lab.messages.send_page(PageLink(page="train", run=run_id), by=TEACHER)
    lab.classroom.allow(ClassSettings(locked=("train",)), by=TEACHER)
    assert button(looks(ada, "results", shown_by), f"Open Train, run {run_id}").disabled
    lab.classroom.allow(ClassSettings(), by=TEACHER)
    test = press(looks(ada, "results", shown_by), f"Open Train, run {run_id}")
    assert [title.value for title in test.title] == ["Train"]
    assert test.query_params["run"] == str(run_id)
    assert "asks you to open" not in texts(test)


def test_the_teacher_sends_and_withdraws(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    test = healthy(page("class", part="Send"))
    assert "Nothing was sent yet" in texts(test)
    test.selectbox(key="message-to").select(ada.key).run()
    test.text_area[0].set_value("Well done.").run()
    press(test, "Send")
    (sent,) = lab.messages.all(by=TEACHER)
    assert (sent.text, sent.to) == ("Well done.", ada.key)
    assert test.text_area[0].value == ""
    assert "shown to 0 of 1" in texts(test)
    healthy(test.button(key=f"message-withdraw-{sent.id}").click().run())
    assert lab.messages.mine(by=ada) == []
    assert "withdrawn" in texts(test)


def test_an_empty_note_is_refused_in_a_sentence(lab: Lab, shown_by: list[Person]) -> None:
    test = press(page("class", part="Send"), "Send")
    assert "should say something" in texts(test)
    assert lab.messages.all(by=TEACHER) == []


def test_the_teacher_sends_a_runs_design_and_a_page_by_its_number(lab: Lab, shown_by: list[Person]) -> None:
    (run_id,) = lab.start(PRESETS["7x7"], by=TEACHER)
    test = page("class", part="Send")
    test.segmented_control(key="message-kind").set_value("design").run()
    test.selectbox(key="message-design").select(run_id).run()
    press(test, "Send")
    assert lab.messages.all(by=TEACHER)[0].design == PRESETS["7x7"]
    test.segmented_control(key="message-kind").set_value("page").run()
    test.selectbox(key="message-page").select("train").run()
    test.text_input(key="message-number-train").set_value("https://example.com").run()
    press(test, "Send")
    assert "should be a whole number" in texts(test)
    test.text_input(key="message-number-train").set_value(str(run_id)).run()
    press(test, "Send")
    assert lab.messages.all(by=TEACHER)[0].page == PageLink(page="train", run=run_id)


def test_the_design_that_is_open_is_sent_from_where_it_is(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    assert "Open at everyone's" not in labels(looks(ada, "", shown_by))
    test = press(looks(TEACHER, "", shown_by), "Open at everyone's")
    (sent,) = lab.messages.all(by=TEACHER)
    assert sent.design == drafts.experiment(test.session_state["history"].present)
    lab.classroom.end(by=TEACHER)
    assert "Open at everyone's" not in labels(looks(TEACHER, "", shown_by))
