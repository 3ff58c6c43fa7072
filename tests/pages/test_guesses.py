"""Guess first on the pages, without a browser: a pupil's line, the teacher's part, the stage, and oneself alone."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies, teacher
from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.lesson.guess import Kind
from mnist_lab.lesson.proposal import RoundPlan
from mnist_lab.person import Kind as PersonKind
from mnist_lab.person import Person, system_user
from mnist_lab.store.store import Store
from mnist_lab.ui import navigation
from tests.builders.pages import healthy, page, press
from tests.builders.processes import ROOT
from tests.builders.runs import finish

TEACHER = teacher()
FAST = PRESETS["fast"]


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    """What is shared for a second would be another test's."""
    st.cache_resource.clear()


@pytest.fixture
def lab(store: Store) -> Lab:
    store.lease.take("engine", "ready")
    return Lab(store.url)


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [TEACHER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


@pytest.fixture
def ada(lab: Lab, shown_by: list[Person]) -> Person:
    return joined(lab, "Ada")


def joined(lab: Lab, name: str) -> Person:
    if not lab.classroom.is_on():
        lab.classroom.open(by=TEACHER)
    return Person(lab.classroom.join(lab.store.classes.current().code, name).key, PersonKind.PUPIL)


def opened(path: str) -> AppTest:
    """A page with all that the router does around it."""
    test = AppTest.from_file(str(ROOT / "mnist_lab" / "ui" / "router.py"), default_timeout=30)
    script = next(page.script for page in navigation.PAGES if page.path == path)
    return healthy(test.run().switch_page(str(script)).run())


def texts(test: AppTest) -> str:
    kinds = (test.title, test.header, test.subheader, test.markdown, test.caption, test.info, test.warning, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def labels(test: AppTest) -> set[str]:
    return {one.label for one in test.button}


def test_a_pupil_answers_above_whatever_page_they_are_on_and_it_is_locked(
    lab: Lab, store: Store, ada: Person, shown_by: list[Person]
) -> None:
    (run_id,) = lab.start(FAST, by=TEACHER)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    shown_by.append(ada)
    test = opened("results")
    assert "What validation accuracy will fast reach?" in test.text_input(key=f"guess-answer-{question}").label
    assert "nobody sees who said what. You need not answer." in texts(test)
    test.text_input(key=f"guess-answer-{question}").set_value("much").run()
    test = press(test, "Lock my guess")
    assert "this is not a number; write it like" in texts(test)
    test.text_input(key=f"guess-answer-{question}").set_value("98,5 %")
    test.text_input(key=f"guess-why-{question}").set_value("<b>I</b> *think* so")
    lock = test.button(key=f"guess-lock-{question}")
    test = healthy(lock.click().run())
    assert "You said **98\\.5 %**." in texts(test)
    assert "Lock my guess" not in labels(test)
    assert lab.guesses.get(question, by=ada).my_why == "<b>I</b> *think* so"
    finish(store, run_id, 0.9897)
    st.cache_resource.clear()
    assert "You said 98.5 %; it was 98.97 %: 0.47 points too low." in texts(test.run())


def test_a_pupil_who_gives_none_sees_the_page_and_the_outcome_all_the_same(
    lab: Lab, store: Store, ada: Person, shown_by: list[Person]
) -> None:
    (run_id,) = lab.start(FAST, by=TEACHER)
    lab.guesses.ask(Kind.SECONDS, [[run_id]], by=TEACHER)
    shown_by.append(ada)
    test = opened("train")
    assert "Train" in texts(test)
    finish(store, run_id, 0.9)
    st.cache_resource.clear()
    assert "The training of fast was 10.0 s" in texts(test.run())


def test_the_teacher_asks_trains_closes_and_sees_how_many_but_not_what(
    lab: Lab, store: Store, ada: Person, shown_by: list[Person]
) -> None:
    test = page("class", part="Guess")
    assert next(b for b in test.button if b.label == "Ask the class").disabled
    test.multiselect(key="guess-about").select("preset 3x3").run()
    test.multiselect(key="guess-about").select("preset 7x7").run()
    test.toggle(key="guess-names").set_value(True).run()
    test = press(test, "Ask the class")
    (asked,) = lab.guesses.all(by=TEACHER)
    assert asked.question.words == "Which will be better in validation accuracy: A: 3x3 or B: 7x7?"
    assert asked.question.with_names
    assert "Nobody has answered yet; 1 pupil in the class. It has not been trained yet." in texts(test)
    shown_by.append(ada)
    pupils = opened("train")
    pupils.selectbox(key=f"guess-answer-{asked.id}").set_value(1).run()
    pupils.text_input(key=f"guess-why-{asked.id}").set_value("It sees *more*.")
    press(pupils, "Lock my guess")
    shown_by.append(TEACHER)
    test = page("class", part="Guess")
    assert "1 has answered; 1 pupil in the class" in texts(test)
    test.number_input(key=f"guess-seeds-{asked.id}").set_value(2).run()
    test = press(test, "Train it now")
    ids = lab.guesses.get(asked.id, by=TEACHER).question.run_ids
    assert len(ids) == 4
    test = press(test, "Close the guessing")
    assert "The guessing is closed." in texts(test)
    assert "sees" not in texts(test)
    test = press(test, "Take what has finished")
    assert "nothing has finished of what was asked about" in texts(test)
    for run_id in ids:
        finish(store, run_id, 0.95)
    test = page("class", part="Guess")
    assert "What came out" in texts(test)
    assert "Not enough data" in texts(test)
    assert "- Ada: **B" in texts(test)
    assert "It sees \\*more\\*." in texts(test)
    press(test, "Delete the question with all guesses")
    assert lab.guesses.all(by=TEACHER) == []


def test_an_impatient_second_click_asks_once(lab: Lab, ada: Person) -> None:
    test = page("class", part="Guess")
    test.segmented_control(key="guess-kind").set_value(Kind.SECONDS).run()
    test.multiselect(key="guess-about").select("preset 3x3").run()
    ask = next(b for b in test.button if b.label == "Ask the class")
    ask.click().run()
    healthy(ask.click().run())
    assert len(lab.guesses.all(by=TEACHER)) == 1


@pytest.mark.parametrize("outcome", [False, True])
def test_the_stage_shows_the_question_and_how_many_and_then_the_outcome(
    lab: Lab, store: Store, ada: Person, *, outcome: bool
) -> None:
    (run_id,) = lab.start(FAST, by=TEACHER)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    lab.guesses.answer(question, 0.7312, "zebra", by=ada)
    if outcome:
        finish(store, run_id, 0.9)
    script = f"""
from mnist_lab.ui.lesson.scenes import SCENES
from mnist_lab.ui.session import looker
SCENES["guess"].show(looker(), {{"question": {question}}})
SCENES["guess"].show(looker(), {{}})
"""
    test = healthy(AppTest.from_string(script, default_timeout=30).run())
    words = "\n".join(element.proto.body for element in test.get("html"))
    assert "What validation accuracy will fast reach?" in words
    assert ("1 has answered." in words) is not outcome
    assert ("73.12" in words) is outcome
    assert ("zebra" in words) is outcome


def test_the_teacher_chooses_which_question_stands_on_the_stage(lab: Lab, ada: Person) -> None:
    first, second = lab.start(FAST, 2, by=TEACHER)
    asked = [lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER) for run_id in (first, second)]
    lab.stage.show("guess", None, by=TEACHER)
    test = page("class", part="Stage")
    (box,) = (one for one in test.selectbox if one.label == "Question")
    assert box.value is None, "the newest"
    healthy(box.select(asked[0]).run())
    assert lab.stage.now(by=TEACHER).of("guess") == {"question": asked[0]}


def test_alone_one_guesses_beside_train_and_sees_what_came_of_it(lab: Lab, store: Store) -> None:
    me = system_user()
    test = page("design")
    test.text_input(key="first-accuracy").set_value("97 %").run()
    test.text_input(key="first-seconds").set_value("a lot").run()
    assert "this is not a number; write it like" in texts(test)
    test.text_input(key="first-seconds").set_value("20").run()
    test.text_input(key="first-why").set_value("Because.").run()
    healthy(press(test, "Train"))
    found = {asked.question.kind: asked for asked in lab.guesses.all(by=me)}
    assert {kind: asked.mine for kind, asked in found.items()} == {Kind.ACCURACY: 0.97, Kind.SECONDS: 20.0}
    assert found[Kind.ACCURACY].my_why == "Because."
    (run,) = lab.reader(me).active()
    assert "You said **97 %**." in texts(page("train", run=str(run.id)))
    finish(store, run.id, 0.98)
    said = texts(page("train", run=str(run.id)))
    assert "You said 97 %; it was 98.00 %: 1.00 points too low." in said
    assert "You said 20 s; it was 10.0 s: 10.0 s too long." in said
    assert "too long" in texts(page("run", run=str(run.id)))


def test_train_trains_whether_or_not_one_guesses_and_a_guess_that_is_none_is_said(lab: Lab) -> None:
    me = system_user()
    test = page("design")
    test.text_input(key="first-accuracy").set_value("lots").run()
    test = healthy(press(test, "Train"))
    assert len(lab.reader(me).active()) == 1
    assert lab.guesses.all(by=me) == []
    healthy(press(page("design"), "Train"))
    assert len(lab.reader(me).active()) == 2


def test_before_a_comparison_one_guesses_which_will_be_better(lab: Lab, store: Store, small: Experiment) -> None:
    me = system_user()
    (first,) = lab.start(FAST, by=me)
    finish(store, first, 0.9)
    (second,) = lab.start(PRESETS["3x3"], by=me)
    runs = f"{first},{second}"
    test = page("compare", runs=runs)
    test.selectbox(key="over-answer").set_value(1).run()
    test = press(test, "Lock my guess")
    (asked,) = lab.guesses.all(by=me)
    assert (asked.mine, asked.question.titles) == (1.0, ["A: fast", "B: 3x3"])
    finish(store, second, 0.95)
    test = page("compare", runs=runs)
    assert "You said B" in texts(test)
    assert "It is not decided." in texts(test)
    assert "Lock my guess" not in labels(test), "all is measured"


def test_the_picture_escapes_what_people_wrote(lab: Lab, store: Store, ada: Person, shown_by: list[Person]) -> None:
    (run_id,) = lab.start(FAST, by=TEACHER)
    question = lab.guesses.ask(Kind.ACCURACY, [[run_id]], by=TEACHER)
    lab.guesses.answer(question, 0.9, "<script>alert(1)</script> **bold**", by=ada)
    finish(store, run_id, 0.9)
    said = texts(page("class", part="Guess"))
    assert "\\<script>" in said
    assert "\\*\\*bold" in said


@pytest.mark.usefixtures("shown_by", "ada")
def test_in_a_round_a_class_guesses_about_the_lesson_recipe(lab: Lab) -> None:
    lab.rounds.change(RoundPlan(by_hand=LessonRecipe(epochs=1, train_images=2000)), by=TEACHER)
    lab.rounds.begin(by=TEACHER)
    test = page("class", part="Guess")
    test.session_state["guess-kind"] = Kind.SECONDS
    test.session_state["guess-about"] = ["preset 2x2"]
    test = press(healthy(test.run()), "Ask the class")
    (asked,) = lab.guesses.all(by=TEACHER)
    design = parse(Experiment, asked.question.subjects[0].design)
    assert (design.recipe.epochs, design.train_images) == (1, 2000)
    assert design.architecture == PRESETS["2x2"].architecture
