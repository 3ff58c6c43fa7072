"""The round on the pages, without a browser: planned, rehearsed and begun by the teacher, seen and obeyed by a pupil."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies
from mnist_lab.classroom.recipe import LessonRecipe
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.lesson.proposal import RoundPlan
from mnist_lab.person import Person
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER, open_class, pupil
from tests.builders.pages import button, healthy, page, press
from tests.builders.runs import finish
from tests.pages.test_class import opened, texts

RECIPE = LessonRecipe(epochs=1, train_images=2000)
PLAN = RoundPlan(minutes=5, people=3, design_seconds=30, by_hand=RECIPE)


@pytest.fixture
def lab(store: Store) -> Lab:
    open_class(store)
    return Lab(store.url)


@pytest.fixture
def ada(lab: Lab) -> Person:
    return pupil(lab.store, "Ada")


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [TEACHER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def told(test: AppTest) -> str:
    return "\n".join([texts(test), *(one.value for one in test.success)])


def field(test: AppTest, label: str):
    return next(one for one in [*test.number_input, *test.selectbox] if one.label == label)


@pytest.mark.usefixtures("shown_by", "ada")
def test_it_is_said_before_a_round_begins_whether_everybodys_first_run_fits(lab: Lab) -> None:
    test = healthy(page("class", part="Round"))
    assert "1 person, 6 minutes: " in told(test)
    assert "first run is predicted to be done after" in told(test)
    assert "has not been measured yet" in told(test)
    assert field(test, "People").value == 1, "who has joined"
    test = healthy(field(test, "People").set_value(30).run())
    assert "30 people, 6 minutes: " in told(test)
    assert "1 pupil joined so far" in told(test)
    test = healthy(field(test, "They start from").set_value("fast").run())
    assert "each trains fast" in told(test)
    proposed = lab.rounds.preview(by=TEACHER).proposed.recipe
    test = healthy(field(test, "Epochs").set_value(90).run())
    assert "images do not fit: with the margin of 20 % the round would need" in told(test)
    assert lab.rounds.preview(by=TEACHER).plan.by_hand == proposed.model_copy(update={"epochs": 90})
    test = press(test, "As proposed")
    assert proposed.words() in told(test)
    test = healthy(field(test, "Minutes").set_value(1).run())
    assert "Nothing fits: even 1 epoch of 1,000 images" in told(test)
    assert button(test, "Begin the round").disabled
    assert button(test, "Rehearse").disabled


def test_a_round_is_begun_prolonged_ended_and_its_recipe_lifted(lab: Lab, ada: Person, shown_by: list[Person]) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    test = press(page("class", part="Round"), "Begin the round")
    room = lab.store.classes.current().id
    begun = lab.rounds.current(room)
    assert (begun.is_on, begun.recipe) == (True, RECIPE)
    press(test, "1 minute more")
    assert lab.rounds.current(room).ends == begun.ends + 60
    shown_by.append(ada)
    assert "Lesson recipe: everybody trains **1 epoch of 2,000 images** until your teacher lifts it" in texts(
        opened("")
    )
    shown_by.append(TEACHER)
    test = press(page("class", part="Round"), "End the round")
    assert not lab.rounds.current(room).is_on
    shown_by.append(ada)
    assert "The round is over" in texts(opened("results"))
    shown_by.append(TEACHER)
    test = press(page("class", part="Round"), "Lift the recipe")
    assert "5 minutes" in told(test), "the next one is planned as the last was"
    shown_by.append(ada)
    assert "Lesson recipe" not in texts(opened(""))


def test_whatever_preset_a_pupil_opens_is_trained_in_the_lesson_recipe(
    lab: Lab, ada: Person, shown_by: list[Person]
) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    lab.rounds.begin(by=TEACHER)
    shown_by.append(ada)
    test = page("design")
    for name in ("7x7", "fast", "thorough"):
        test = healthy(test.pills[0].set_value(name).run())
        assert "The lesson recipe holds for whatever you open here: 1 epoch of 2,000 images" in texts(test)
        assert test.pills[0].value == name, "it is still that preset"
        assert field(test, "Epochs").value == 1
        assert field(test, "Training images").value == 2000
        assert field(test, "Epochs").disabled
        press(test, "Train")
        newest = max(lab.store.queue.active(), key=lambda run: run.id)
        assert newest.experiment.architecture == PRESETS[name].architecture
        assert (newest.experiment.recipe.epochs, newest.experiment.train_images) == (1, 2000)
        test = page("design")
    shown_by.append(TEACHER)
    press(page("class", part="Round"), "Lift the recipe")
    shown_by.append(ada)
    test = healthy(page("design", preset="thorough"))
    assert field(test, "Epochs").value == PRESETS["thorough"].recipe.epochs, "as it was"


def test_the_teachers_own_designs_are_bound_by_nothing(lab: Lab, shown_by: list[Person]) -> None:
    lab.rounds.change(PLAN, by=TEACHER)
    lab.rounds.begin(by=TEACHER)
    test = healthy(page("design"))
    assert "The lesson recipe holds" not in texts(test)
    press(test, "Train")
    (run,) = lab.store.queue.active()
    assert run.experiment == PRESETS["3x3"]


def test_a_rehearsal_is_followed_stopped_and_says_whether_it_fits(lab: Lab, shown_by: list[Person]) -> None:
    room = lab.store.classes.current().id
    lab.rounds.change(PLAN, by=TEACHER)
    test = press(page("class", part="Round"), "Rehearse")
    assert len(lab.store.rounds.rehearsed(room)) == 3
    assert "Rehearse" not in {one.label for one in test.button}
    test = press(page("class", part="Round"), "Stop the rehearsal")
    assert lab.store.runs.all() == []
    press(test, "Rehearse")
    for run in lab.store.rounds.rehearsed(room):
        finish(lab.store, run.id, 0.9)
    test = healthy(page("class", part="Round"))
    assert "Measured with 3 pretended pupils, 1 epoch of 2,000 images: everyone's first run was done after" in told(
        test
    )
    assert "the round has 5 minutes" in told(test)
    press(test, "Delete the rehearsal")
    assert lab.rounds.rehearsal(by=TEACHER) is None


def test_advice_of_a_rehearsal_is_taken_with_one_click(lab: Lab, shown_by: list[Person]) -> None:
    room = lab.store.classes.current().id
    slow = LessonRecipe(epochs=1, train_images=20_000)
    lab.rounds.change(PLAN.model_copy(update={"by_hand": slow}), by=TEACHER)
    lab.rounds.rehearse(by=TEACHER)
    for run in lab.store.rounds.rehearsed(room):
        finish(lab.store, run.id, 0.9)
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET ended = ended + 300")
    test = healthy(page("class", part="Round"))
    assert "It was not done in time." in told(test)
    press(test, "Take that")
    taken = lab.rounds.preview(by=TEACHER).plan
    assert taken.by_hand.work < slow.work
    assert (taken.minutes, taken.people) == (5, 3)


@pytest.mark.usefixtures("shown_by")
def test_of_two_fields_that_are_changed_at_once_neither_is_lost(lab: Lab) -> None:
    test = page("class", part="Round")
    field(test, "Epochs").set_value(2)
    field(test, "Training images").set_value(3000)
    field(test, "Minutes").set_value(9)
    field(test, "People").set_value(7)
    healthy(test.run())
    plan = lab.rounds.preview(by=TEACHER).plan
    assert (plan.minutes, plan.people) == (9, 7)
    assert (plan.by_hand.epochs, plan.by_hand.train_images) == (2, 3000)
