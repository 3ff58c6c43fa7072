"""A challenge on the pages: set and revealed by the teacher, entered and followed by pupils."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies
from mnist_lab.design.experiment import Experiment
from mnist_lab.lab import Lab
from mnist_lab.lesson.challenges import Rules
from mnist_lab.person import Person
from mnist_lab.store.store import Store
from mnist_lab.ui.lesson import scenes
from tests.builders.challenges import begun, entry
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.pages import button, healthy, page, press
from tests.builders.processes import ROOT

PART = "Challenge"
pytestmark = pytest.mark.usefixtures("lab_url")


@pytest.fixture
def lab(store: Store) -> Lab:
    open_class(store)
    return Lab(store.url)


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [TEACHER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def around() -> AppTest:
    """A page with all that the router does around it."""
    st.cache_resource.clear()  # or what is shared for a second is still as it was
    return healthy(AppTest.from_file(str(ROOT / "mnist_lab" / "ui" / "router.py"), default_timeout=30).run())


def texts(test: AppTest) -> str:
    kinds = (test.header, test.subheader, test.markdown, test.caption, test.info, test.warning, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def labels(test: AppTest) -> set[str]:
    return {one.label for one in test.button}


def field(test: AppTest, label: str):
    return next(one for one in test.text_input if one.label == label)


def test_the_teacher_sets_one_closes_it_and_reveals_it_when_asked_twice(
    lab: Lab, shown_by: list[Person], small: Experiment
) -> None:
    cleo, dana = pupil(lab.store, "Cleo"), pupil(lab.store, "Dana")
    test = healthy(page("class", part=PART))
    assert button(test, "Begin the challenge").disabled
    assert "Limit at least one of them" in texts(test)
    field(test, "Parameters, at most").set_value("0").run()
    assert button(test, "Begin the challenge").disabled
    field(test, "Parameters, at most").set_value("20,000").run()
    assert "Of the presets these fit: 3x3" in texts(test)
    test = press(test, "Begin the challenge")
    assert lab.challenges.current(by=cleo).rules == Rules(parameters=20_000)
    assert "Nobody has entered yet" in texts(test)
    assert "Begin the challenge" not in labels(test)
    entry(lab, cleo, small, 0.9512, 0.9034)
    other = small.with_changes(architecture={"blocks": [{"filters": 2, "kernel_size": 3}]})
    entry(lab, dana, other, 0.9412, 0.9334)
    test = press(page("class", part=PART), "Close entering")
    assert not lab.challenges.current(by=cleo).is_open
    board = test.dataframe[0].value
    assert list(board["who"]) == ["Cleo", "Dana"]
    assert list(board["validation"]) == [95.12, 94.12]
    assert "test" not in board
    press(test, "Reveal all test results to everybody")
    test = healthy(page("class", part=PART))
    assert list(test.dataframe[0].value["test"]) == [90.34, 93.34]
    assert "First place: 95.12% on the validation images that ranked it, 90.34% on the test images" in texts(test)
    assert "Not enough data" in texts(test)
    press(test, "Queue 2 more of each")
    assert len(lab.reader(TEACHER).active()) == 4
    assert "Another one" in texts(healthy(page("class", part=PART)))


def test_a_line_above_every_page_says_what_it_is(lab: Lab, shown_by: list[Person], small: Experiment) -> None:
    shown_by.append(pupil(lab.store, "Cleo"))
    assert "**Challenge**" not in texts(around())
    challenge = begun(lab, Rules(parameters=13_338))
    assert "with at most 13,338 parameters. Test results are sealed until the reveal." in texts(around())
    lab.challenges.close(challenge, by=TEACHER)
    assert "No further entries" in texts(around())
    lab.challenges.reveal(challenge, by=TEACHER)
    assert "It is revealed" in texts(around())


def test_a_pupil_enters_beside_train_once(lab: Lab, shown_by: list[Person]) -> None:
    cleo = pupil(lab.store, "Cleo")
    shown_by.append(cleo)
    assert "Enter it in the challenge" not in labels(healthy(page("design", preset="3x3")))
    begun(lab, Rules(parameters=20_000))
    st.cache_resource.clear()
    press(page("design", preset="3x3"), "Enter it in the challenge")
    board = lab.challenges.board(by=cleo)
    assert (board.entries, board.pupils) == (1, 1)
    test = healthy(page("design", preset="7x7"))
    assert button(test, "Enter it in the challenge").disabled
    assert "It cannot be entered. Budget" in texts(test)
    shown_by.append(TEACHER)
    assert "Enter it in the challenge" not in labels(healthy(page("design", preset="3x3")))


def test_why_an_ordinary_run_is_refused_is_said_on_the_page(lab: Lab, shown_by: list[Person]) -> None:
    shown_by.append(pupil(lab.store, "Cleo"))
    begun(lab)
    test = press(page("design", preset="7x7"), "Train")
    assert "choose holdout. Received notebook." in test.error[0].value


def stage(lab: Lab) -> str:
    script = """
from mnist_lab.ui.lesson import scenes
from mnist_lab.ui.session import looker
scenes.SCENES["challenge"].show(looker(), {})
"""
    st.cache_resource.clear()
    test = healthy(AppTest.from_string(script, default_timeout=30).run())
    return "\n".join(element.proto.body for element in test.get("html"))


def test_the_stage_has_the_board_and_after_the_reveal_the_luck(
    lab: Lab, shown_by: list[Person], small: Experiment
) -> None:
    assert "challenge" in scenes.SCENES
    assert "No challenge has been set" in stage(lab)
    challenge = begun(lab)
    assert "No entry has finished yet" in stage(lab)
    others = [pupil(lab.store, f"<b>{name}</b>") for name in "ABCDEFGHIJ"]
    for number, by in enumerate(others):
        entry(lab, by, small, 0.9 + number / 1000, 0.8765)
    drawn = stage(lab)
    assert "&lt;b&gt;J&lt;/b&gt;" in drawn
    assert "<b>J" not in drawn
    assert "90.90%" in drawn
    assert "And 2 more pupils; test results are sealed until the reveal; entries are open." in drawn
    assert "87.65" not in drawn
    lab.challenges.reveal(challenge, by=TEACHER)
    drawn = stage(lab)
    assert "87.65%" in drawn
    assert "Were all 10 equally good" in drawn
