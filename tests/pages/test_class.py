"""The Class page without a browser, and what the other pages are for a pupil and for a stranger."""

import io
import zipfile
from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies, teacher
from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.person import Kind, Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.ui import navigation
from tests.builders.pages import healthy, page, press
from tests.builders.processes import ROOT
from tests.builders.tested import run_of

TEACHER = teacher()


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [TEACHER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def joined(lab: Lab, name: str) -> Person:
    if not lab.classroom.is_on():
        lab.classroom.open(by=TEACHER)
    room = lab.store.classes.current()
    return Person(lab.classroom.join(room.code, name).key, Kind.PUPIL)


def opened(path: str) -> AppTest:
    """A page with all that the router does around it."""
    test = AppTest.from_file(str(ROOT / "mnist_lab" / "ui" / "router.py"), default_timeout=30)
    script = next(page.script for page in navigation.PAGES if page.path == path)
    return healthy(test.run().switch_page(str(script)).run())


def texts(test: AppTest) -> str:
    kinds = (test.title, test.header, test.subheader, test.markdown, test.caption, test.info, test.warning, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def changing_members() -> AppTest:
    """The Class page with what is opened by Rename or remove."""
    test = page("class")
    test.session_state["member"] = True
    return healthy(test.run())


def labels(test: AppTest) -> set[str]:
    return {one.label for one in test.button}


@pytest.mark.usefixtures("lab")
def test_who_is_not_the_teacher_learns_how_to_become_it() -> None:
    test = healthy(page("class"))
    assert "/teach/" in test.info[0].value
    assert "Open a class" not in labels(test)


def test_a_class_is_opened_closed_opened_again_and_ended(lab: Lab, shown_by: list[Person]) -> None:
    test = press(page("class"), "Open a class")
    room = lab.store.classes.current()
    assert f"{room.code[:3]} {room.code[3:]}" in texts(test)
    assert "--server.address=0.0.0.0" in texts(test), "it listens on this machine only"
    assert "plain HTTP" in texts(test)
    test = press(page("class", part="The end"), "Close the class")
    assert not lab.store.classes.current().is_open
    assert room.code[:3] not in texts(test), "nobody can join"
    press(test, "Open it again")
    assert lab.store.classes.current().is_open
    press(page("class", part="The end"), "End the class")
    assert not lab.classroom.is_on()
    assert "Earlier classes" in texts(page("class"))


def test_people_are_seen_let_in_renamed_and_removed(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    code = lab.store.classes.current().code
    let, away = lab.classroom.ask_to_be(code, "ada"), lab.classroom.ask_to_be(code, "Ada")
    test = page("class")
    assert "of 1 here" in texts(test)
    test.button(key=f"Let in-{let[:12]}").click().run()
    test.button(key=f"Turn away-{away[:12]}").click().run()
    assert lab.classroom.admitted(let).key == ada.key
    assert lab.classroom.admitted(away) is False
    test = changing_members()
    test.multiselect(key="chosen_members").select(ada.key).run()
    test.text_input[0].set_value("Ada L.").run()
    press(test, "Rename")
    assert [member.name for member in lab.classroom.members(by=TEACHER)] == ["Ada L."]
    test = changing_members()
    test.multiselect(key="chosen_members").select(ada.key).run()
    press(test, "Remove Ada L.")
    assert lab.classroom.members(by=TEACHER) == []
    assert lab.store.classes.current().code != code, "or whoever was removed would be back at once"


def test_requests_without_end_are_turned_away_at_once_and_the_code_is_changed(lab: Lab, shown_by: list[Person]) -> None:
    joined(lab, "Ada")
    code = lab.store.classes.current().code
    tokens = [lab.classroom.ask_to_be(code, "Ada") for _ in range(3)]
    press(page("class"), "Turn all 3 away")
    assert {lab.classroom.admitted(token) for token in tokens} == {False}
    test = press(changing_members(), "Another code")
    new = lab.store.classes.current().code
    assert new != code
    assert f"{new[:3]} {new[3:]}" in texts(test)


def test_files_of_a_class_are_made_when_no_page_is_drawn(
    lab: Lab, shown_by: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Streamlit makes them, in a thread that knows of no browser and so of no cookie."""
    made: dict[str, Callable[[], bytes]] = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, *_, **__: made.setdefault(label, data))
    run_of(lab.store, "3x3", 1, 100)
    joined(lab, "Ada")
    page("class", part="The end")
    page("results")
    shown_by.append(Person("somebody"))
    assert zipfile.is_zipfile(io.BytesIO(made["Take it away"]()))
    assert b"design" in made["Download"]()


def test_limits_are_kept_as_soon_as_they_are_changed(lab: Lab, shown_by: list[Person]) -> None:
    joined(lab, "Ada")
    test = page("class", part="Queue and limits")
    test.number_input(key="class-waiting").set_value(3).run()
    test.number_input(key="class-seconds").set_value(0).run()
    test.selectbox(key="class-sees").select(Sees.OWN).run()
    test.multiselect(key="class-locked").select("train").run()
    test.toggle(key="class-names_in_files").set_value(True).run()
    healthy(test)
    assert lab.classroom.rights(TEACHER).settings == ClassSettings(
        waiting=3, seconds=None, sees=Sees.OWN, locked=("train",), names_in_files=True
    )


def test_the_queue_is_paused_and_what_waits_is_cancelled_at_once(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    ids = lab.start(PRESETS["fast"], 3, by=ada)
    press(page("class", part="Queue and limits"), "Pause the queue")
    assert lab.store.queue.claim("engine") is None
    shown_by.append(ada)
    assert "the teacher has paused the queue" in texts(opened("train"))
    shown_by.append(TEACHER)
    test = press(page("class", part="Queue and limits"), "Cancel 3 runs")
    assert {lab.store.runs.get(i).status for i in ids} == {Status.CANCELLED}
    press(test, "Let the queue go on")
    assert not lab.store.classes.current().is_held


def test_a_pupil_has_buttons_for_their_own_runs_only(lab: Lab, store: Store, shown_by: list[Person]) -> None:
    ada, bob = joined(lab, "Ada"), joined(lab, "Bob")
    hers, his = lab.start(PRESETS["fast"], by=ada) + lab.start(PRESETS["3x3"], by=bob)
    shown_by.append(ada)
    test = opened("train")
    assert f"stop-{hers}" in {one.key for one in test.button}
    assert f"stop-{his}" not in {one.key for one in test.button}
    assert "by Bob" in texts(test), "whose it is is seen"
    assert "your next run: place 1" in texts(test)
    finished = run_of(store, "3x3", 1, 100)
    test = page("run", run=str(finished))
    assert "Archive" not in labels(test)
    assert "Not all of them are yours" in texts(test)


def test_a_forged_press_changes_nothing_and_is_answered_with_a_sentence(lab: Lab, shown_by: list[Person]) -> None:
    ada, bob = joined(lab, "Ada"), joined(lab, "Bob")
    lab.start(PRESETS["fast"], by=ada)
    (his,) = lab.start(PRESETS["3x3"], by=bob)
    shown_by.append(bob)
    test = opened("train")
    stop = test.button(key=f"stop-{his}")
    shown_by.append(ada)  # the same page, drawn for another
    stop.click().run()
    assert lab.store.runs.get(his).status is Status.QUEUED
    assert f"Run {his}: it is not yours" in texts(test)


def test_a_refused_run_leaves_the_page_as_it_is_and_says_why(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    lab.classroom.allow(ClassSettings(seconds=1), by=TEACHER)
    shown_by.append(ada)
    test = press(opened(""), "Train")
    assert "your teacher allows 1 s a run" in texts(test)
    assert "What it means" in texts(test), "the page is whole"
    assert lab.store.queue.active() == []


def test_a_locked_page_is_closed_to_pupils_at_once(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    shown_by.append(ada)
    test = opened("train")
    lab.classroom.allow(ClassSettings(locked=("train",)), by=TEACHER)
    assert "Your teacher has locked this page" in texts(test.run())
    shown_by.append(TEACHER)
    assert "locked" not in texts(test.run())


def test_a_stranger_and_who_was_removed_see_the_way_in_only(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    shown_by.append(ada)
    test = opened("train")
    lab.classroom.remove(ada.key, by=TEACHER)
    assert "You are not in the class any more" in texts(test.run())
    shown_by.append(Person("somebody"))
    test = opened("results")
    assert "A class is open here" in texts(test)
    assert "/join" in texts(test)
    assert not test.button, "and nothing else"
