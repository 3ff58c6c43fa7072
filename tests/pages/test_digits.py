"""The Digits page and its part of the Class page, without a browser: what is drawn is put into the session."""

import re

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies, teacher
from mnist_lab.data import mnist
from mnist_lab.lab import Lab
from mnist_lab.person import Person
from mnist_lab.results.own_digits import named
from mnist_lab.store import ready_made
from mnist_lab.store.store import Store
from tests.builders.classes import open_class, pupil
from tests.builders.pages import healthy, page, press
from tests.builders.processes import engine

TEACHER = teacher()
ONE = [[(0.5, 0.2), (0.5, 0.8)]]


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store.url)


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [TEACHER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def said(test: AppTest) -> str:
    kinds = (healthy(test).subheader, test.header, test.markdown, test.caption, test.info, test.error)
    return "\n".join([one.value for kind in kinds for one in kind] + [one.proto.body for one in test.get("html")])


def opened(view: str) -> AppTest:
    test = page("digits")
    test.session_state["digits-view"] = view
    return healthy(test.run())


def drawn(test: AppTest, number: int) -> AppTest:
    test.session_state[f"drawn_strokes-digits-pad-{number}"] = ONE if number == 0 else [[(0.3, 0.2), (0.7, 0.8)]]
    return healthy(test.run())


def filled(store: Store, class_id: int | None, people: list[str], images: list[int]) -> list[int]:
    """Test images as if people had drawn them, by their numbers."""
    test = mnist.load()[1]
    return [
        store.digits.add(class_id, people[place % len(people)], int(test.y[i]), test.x[i].tobytes())
        for place, i in enumerate(images)
    ]


def test_a_pupil_draws_what_is_asked_for_keeps_it_undoes_it_and_deletes_some(
    lab: Lab, store: Store, shown_by: list[Person]
) -> None:
    open_class(store)
    cleo = pupil(store, "Cleo")
    shown_by.append(cleo)
    test = healthy(page("digits"))
    assert "Draw a 0" in said(test)
    assert "Yours: 0 of at most 50" in said(test)
    test = press(test, "Keep this 0")
    assert "the pad is empty; draw a 0 on it first" in said(test)
    test = press(drawn(test, 0), "Keep this 0")
    assert "Draw a 1" in said(test)
    test = press(drawn(test, 1), "Keep this 1")
    assert [digit.label for digit in lab.digits.mine(by=cleo)] == [0, 1]
    assert "Yours: 2 of at most 50" in said(test)
    test = press(test, "Undo: delete the last 1")
    assert [digit.label for digit in lab.digits.mine(by=cleo)] == [0]
    test.multiselect(key="digits_of_mine").select(1).run()
    test = press(test, "Delete")
    assert lab.digits.mine(by=cleo) == []
    assert "Draw a 0" in said(test)


def test_another_digit_is_chosen_for_one_drawing_only(lab: Lab, shown_by: list[Person]) -> None:
    test = healthy(page("digits"))
    next(one for one in test.button_group if one.label == "Draw a").set_value(7).run()
    test = press(drawn(test, 0), "Keep this 7")
    assert [digit.label for digit in lab.digits.mine(by=TEACHER)] == [7]
    assert "Draw a 0" in said(test)


def test_pupils_see_all_without_names_and_the_teacher_throws_out_takes_back_and_deletes(
    lab: Lab, store: Store, shown_by: list[Person]
) -> None:
    room = open_class(store)
    cleo, dana = pupil(store, "Cleo"), pupil(store, "Dana")
    first, second = filled(store, room, [cleo.key, dana.key], [0, 1])
    shown_by.append(dana)
    test = opened("All of them")
    assert "2 digits by 2 people" in said(test)
    assert "Cleo" not in said(test)
    assert not test.multiselect
    shown_by.append(TEACHER)
    test = page("class", part="Digits")
    assert f"{first}: a 7, Cleo" in said(test)
    test.multiselect(key="digits_chosen").select(first).run()
    test = press(test, "Throw out")
    assert "1 digit by 1 person, 1 thrown out" in said(test)
    test.multiselect(key="digits_chosen").select(first).run()
    test = press(test, "Take back")
    assert "2 digits by 2 people" in said(test)
    test.multiselect(key="digits_chosen").select(second).run()
    press(test, "Delete this drawing for good")
    assert [digit.id for digit in lab.digits.all(by=TEACHER).digits] == [first]


def test_files_are_made_when_no_page_is_drawn(
    lab: Lab, shown_by: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, *_, **__: made.setdefault(label, data))
    lab.digits.keep(1, ONE, by=TEACHER)
    opened("All of them")
    shown_by.append(Person("somebody"))
    assert made["A sheet (.png)"]()[:4] == b"\x89PNG"
    assert made["For NumPy (.npz)"]()[:2] == b"PK"


def test_accuracy_on_ones_own_digits_stands_beside_mnists_with_intervals_and_what_is_wrong(store: Store) -> None:
    assert "draw some digits first" in said(opened("How networks read them"))
    answers = ready_made.load().probabilities.argmax(axis=1)
    wrong = [int(i) for i in np.flatnonzero(answers != mnist.load()[1].y)[:3]]
    filled(store, None, ["ada", "bob", "cleo"], [*range(17), *wrong])
    with engine(store.url):
        test = opened("How networks read them").run(timeout=60)
        words = said(test)
        staged = said(scene("own-digits-wrong", "{}"))
        for run in ("99", "'x'", "True"):
            wrong_one = scene("own-digits-wrong", f"{{'run': {run}}}")
            assert wrong_one.error[0].value.startswith("Run: there is none" if run == "99" else "Stage: run should be")
    cells = re.findall(r"<td><strong>([\d.]+).%</strong> <span>([\d.]+).% to ([\d.]+).%</span></td>", words)
    assert [cell[0] for cell in cells] == ["99.4", "85.0"], "17 of 20 are right"
    assert float(cells[1][1]) < 85 < float(cells[1][2])
    assert "of our 20 digits by 3 people" in words
    assert "a change of distribution" in words
    assert "the two intervals overlap" in words
    assert "3 of 20, the most confident first" in words
    assert words.count("<strong>says ") == 3
    assert f"<strong>says {answers[wrong[0]]}</strong><br>it is {named(mnist.load()[1].y[wrong[0]])}" in words
    assert len(test.get("vega_lite_chart")) == 1
    assert "ready-made (0) reads 85.0\u00a0% of our digits (17 of 20; " in staged
    assert ", and 99.4\u00a0% of MNIST’s." in staged
    assert staged.count("<strong>says ") == 3
    assert "<br>by " not in staged, "names are on the stage where the teacher wants them"


def scene(name: str, chosen: str) -> AppTest:
    script = f"""
from mnist_lab.ui.lesson.scenes import SCENES
from mnist_lab.ui.session import errors_shown, looker
with errors_shown():
    SCENES["{name}"].show(looker(), {chosen})
"""
    return healthy(AppTest.from_string(script, default_timeout=60).run())


def test_all_digits_stand_on_the_stage_by_their_labels(lab: Lab, store: Store) -> None:
    assert "Nobody has drawn a digit yet" in said(scene("own-digits-wrong", "{}"))
    first, *_ = filled(store, None, ["ada", "bob"], [*range(12)])
    lab.digits.throw_out(first, by=TEACHER)
    staged = said(scene("own-digits", "{}"))
    assert "Our own digits: 11 digits by 2 people, 1 thrown out" in staged
    assert staged.count("<img ") == 11
    assert staged.count('<th scope="row">') == 10, "a row for each digit, drawn or not"
