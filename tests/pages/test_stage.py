"""The stage and the part of the Class page that steers it, without a browser."""

import re
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_lab.classroom.cookies import Cookies, looker, teacher
from mnist_lab.classroom.settings import ClassSettings, Sees
from mnist_lab.data import drawing, mnist
from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.person import Kind, Person
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.ui import navigation
from mnist_lab.ui.lesson.scenes import SCENES
from tests.builders.pages import healthy, page
from tests.builders.processes import ROOT
from tests.builders.runs import OUTCOME, epoch
from tests.builders.studies import ends, small_plan

TEACHER, LOOKER = teacher(), looker()


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """What is read at most once in a second or a few is read anew in each test."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def lab(store: Store) -> Lab:
    found = Lab(store.url)
    found.classroom.open(by=TEACHER)
    store.lease.take("engine", "ready")  # else what is in training has lost its worker
    return found


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> list[Person]:
    """Whose browser it is: the last one in this list."""
    people = [LOOKER]
    monkeypatch.setattr(Cookies, "person", lambda self, value: people[-1])
    return people


def joined(lab: Lab, name: str) -> Person:
    return Person(lab.classroom.join(lab.store.classes.current().code, name).key, Kind.PUPIL)


def run_of(store: Store, owner: Person, preset: str, seed: int, accuracy: float, *, ended: bool = True) -> int:
    (run_id,) = store.queue.add([PRESETS[preset].with_changes(seed=seed)], owner.key)
    store.queue.claim("engine", only=[run_id])
    for number in (1, 2):
        store.recording.record(run_id, epoch(number, accuracy=accuracy, steps=468, size=10))
    if ended:
        outcome = replace(OUTCOME, validation_accuracy=accuracy, test_accuracy=0.1234, kept_epoch=2)
        store.recording.finish(run_id, outcome)
    return run_id


def opened(path: str) -> AppTest:
    """A page with all that the router does around it."""
    test = AppTest.from_file(str(ROOT / "mnist_lab" / "ui" / "router.py"), default_timeout=30)
    script = next(page.script for page in navigation.PAGES if page.path == path)
    return healthy(test.run().switch_page(str(script)).run())


def texts(test: AppTest) -> str:
    bodies = [one.proto.body for one in test.get("html") if not one.proto.body.startswith("<style")]
    kinds = (test.title, test.header, test.markdown, test.caption, test.info, test.warning, test.error)
    found = "\n".join([*bodies, *(element.value for kind in kinds for element in kind)])
    return re.sub(r"<(?!wbr)[^>]+>", " ", found).replace("<wbr>", "")


def controls(test: AppTest) -> list[object]:
    kinds = (test.button, test.selectbox, test.multiselect, test.toggle, test.text_input, test.number_input)
    return [one for kind in kinds for one in kind]


def on_stage(lab: Lab, scene: str, data: dict[str, object] | None = None) -> str:
    lab.stage.show(scene, data, by=TEACHER)
    st.cache_resource.clear()
    st.cache_data.clear()
    test = opened("stage")
    assert not controls(test), "nothing to press"
    assert not test.sidebar.caption
    assert "0.1234" not in str(test)
    assert "12.34" not in str(test), "never a test figure"
    return " ".join(texts(test).split())


def test_the_welcome_says_where_to_join_by_which_code_and_how_many_are_in(lab: Lab, shown_by: list[Person]) -> None:
    code = lab.store.classes.current().code
    words = " ".join(texts(opened("stage")).split())
    assert f"{code[:3]} {code[3:]}" in words
    assert "/join" in words
    assert "Nobody is in yet" in words
    joined(lab, "Ada")
    assert "1 pupil in" in on_stage(lab, "welcome")
    assert "http" not in on_stage(lab, "welcome", {"address": "http://evil.example"}), "no address but this server's"
    lab.classroom.close(by=TEACHER)
    words = on_stage(lab, "welcome")
    assert "The class is closed" in words
    assert code[:3] not in words


def test_runs_race_until_the_last_has_ended_and_then_the_verdict_stays(lab: Lab, shown_by: list[Person]) -> None:
    ada, bo = joined(lab, "Ada"), joined(lab, "Bo")
    first = run_of(lab.store, ada, "3x3", 1, 0.98)
    second = run_of(lab.store, bo, "2x2", 1, 0.91, ended=False)
    assert "The teacher chooses the runs." in on_stage(lab, "race")
    words = on_stage(lab, "race", {"runs": [first, second]})
    assert "1 in training, 1 finished" in words
    assert "The verdict comes when the last one has ended." in words
    lab.store.recording.finish(second, replace(OUTCOME, validation_accuracy=0.91, test_accuracy=0.1234))
    words = on_stage(lab, "race")
    assert "2 finished" in words
    assert "Not enough data: 1 seed each. A verdict on 2 designs needs at least 3 seeds of each." in words
    run_of(lab.store, ada, "3x3", 2, 0.981)
    assert "A: 3x3 has 2 seeds, B: 2x2 has 1 seed" in on_stage(lab, "race").replace("  ", " ")
    for seed in (2, 3, 4, 5):
        run_of(lab.store, bo, "2x2", seed, 0.91 + 0.0001 * seed)
        if seed > 2:
            run_of(lab.store, ada, "3x3", seed, 0.98 + 0.0001 * seed)
    assert "is better than" in on_stage(lab, "race")
    assert "2 points of accuracy below 95%" in on_stage(lab, "race", {"runs": [first, second], "accuracy_from": 95})


def test_what_races_may_be_gone_alone_or_of_one_design(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    one, other = run_of(lab.store, ada, "3x3", 1, 0.97), run_of(lab.store, ada, "3x3", 2, 0.98)
    assert "One design with 2 seeds" in on_stage(lab, "race", {"runs": [one, other]})
    waiting = lab.start(PRESETS["2x2"], by=ada)
    assert "1 waiting" in on_stage(lab, "race", {"runs": waiting})
    lab.stop(*waiting, by=TEACHER)
    assert "No verdict: it needs at least two designs" in on_stage(lab, "race", {"runs": [one, *waiting]})
    lab.label([one, *waiting], by=TEACHER, deleted=True)
    assert "The teacher chooses the runs." in on_stage(lab, "race")


def test_a_run_whose_study_is_sealed_does_not_race(lab: Lab, shown_by: list[Person], small: Experiment) -> None:
    study = lab.studies.start(small_plan(small), by=TEACHER)
    (run_id, *_) = lab.store.studies.unended(study)
    ends(lab.store, run_id, 0.7317)
    room = lab.store.classes.current().id
    lab.store.stages.change(room, lambda _: f'{{"scene": "race", "data": {{"race": {{"runs": [{run_id}]}}}}}}')
    test = opened("stage")
    assert "The teacher chooses the runs." in texts(test)
    assert "73.17" not in str(test)


def test_the_board_has_the_classs_best_by_name_pseudonym_or_nobody(lab: Lab, shown_by: list[Person]) -> None:
    assert "No run of the class has finished yet." in on_stage(lab, "board")
    people = [joined(lab, name) for name in ("Ada <b>", "Bo")]
    for seed in (1, 2):
        run_of(lab.store, people[0], "3x3", seed, 0.96)
    run_of(lab.store, people[1], "2x2", 1, 0.97)
    run_of(lab.store, TEACHER, "7x7", 1, 0.99)  # nobody's of the class
    words = on_stage(lab, "board", {"who": "pseudonyms"})
    assert words.index("2x2") < words.index("97.00 %") < words.index("3x3") < words.index("96.00 %")
    assert people[0].key in words
    assert "Ada" not in words
    assert "7x7" not in words
    assert "Ada &lt;b&gt;" in on_stage(lab, "board", {"who": "names"})
    words = on_stage(lab, "board", {"who": "nobody", "cost": "multiply_adds"})
    assert "Bo " not in words
    assert people[0].key not in words
    assert "Multiply-adds" in words


def test_designs_are_drawn_against_their_cost_and_those_below_are_counted(lab: Lab, shown_by: list[Person]) -> None:
    assert "No run of the class has finished here yet." in on_stage(lab, "front")
    ada = joined(lab, "Ada")
    run_of(lab.store, ada, "3x3", 1, 0.96)
    assert "ringed" in on_stage(lab, "front", {"accuracy_from": 90})
    run_of(lab.store, ada, "2x2", 1, 0.93)
    assert "1 design below 95 %" in on_stage(lab, "front", {"accuracy_from": 95})
    assert "ringed" in on_stage(lab, "front", {"cost": "bytes"})


def test_a_drawing_stands_there_with_what_each_network_said(lab: Lab, shown_by: list[Person]) -> None:
    assert "Nothing is drawn yet" in on_stage(lab, "drawing")
    run_id = run_of(lab.store, joined(lab, "Ada"), "3x3", 1, 0.96)
    answers = [
        {"run": 0, "probabilities": [0.0] * 7 + [0.9, 0.05, 0.05]},
        {"run": run_id, "epoch": 1, "probabilities": [0.0, 0.6] + [0.05] * 8},
    ]
    image = drawing.as_text(mnist.load()[1].x[0])
    words = on_stage(lab, "drawing", {"image": image, "answers": answers})
    assert "It says 7, 90.0 % sure" in words
    assert "It says 1, 60.0 % sure" in words
    assert "3x3, seed 1, epoch 1" in words
    lab.store.labels.set([run_id], deleted=True)
    lab.store.runs.purge(days=-1)
    assert "3x3" not in on_stage(lab, "drawing"), "what is gone is left out"


def test_what_pupils_may_not_see_of_each_other_stands_there_where_the_teacher_puts_it(
    lab: Lab, shown_by: list[Person]
) -> None:
    ada = joined(lab, "Ada")
    worse = [run_of(lab.store, ada, name, 1, accuracy) for name, accuracy in (("3x3", 0.97), ("2x2", 0.96))]
    lab.classroom.allow(ClassSettings(sees=Sees.OWN, locked=("stage",)), by=TEACHER)
    shown_by.append(ada)
    assert "Your teacher has locked this page" in texts(opened("stage"))
    shown_by.append(LOOKER)
    assert "2 finished" in on_stage(lab, "race", {"runs": worse})


def test_a_pupil_who_looks_at_the_stage_sees_what_they_may_and_the_projector_still_sees_all(
    lab: Lab, shown_by: list[Person]
) -> None:
    ada, bo = joined(lab, "Ada"), joined(lab, "Bo")
    run_of(lab.store, ada, "3x3", 1, 0.97)
    run_of(lab.store, ada, "2x2", 1, 0.96)
    run_of(lab.store, bo, "7x7", 1, 0.95)
    lab.classroom.allow(ClassSettings(sees=Sees.OWN), by=TEACHER)
    lab.stage.show("board", by=TEACHER)
    shown_by.append(bo)
    words = texts(opened("stage"))
    assert "3x3" in words, "the class's best"
    assert "7x7" in words
    assert "2x2" not in words
    shown_by.append(LOOKER)
    assert "2x2" in texts(opened("stage")), "what was read for another is not shown"


@pytest.mark.parametrize("path", [page.path for page in navigation.PAGES if page.path != "stage"])
def test_a_looker_on_is_led_back_to_the_stage_from_any_other_page(lab: Lab, shown_by: list[Person], path: str) -> None:
    test = opened(path)
    assert "Join the class" in texts(test)
    assert not controls(test)


def test_a_press_that_a_looker_on_forges_changes_nothing(lab: Lab, shown_by: list[Person]) -> None:
    ada = joined(lab, "Ada")
    (run_id,) = lab.start(PRESETS["fast"], by=ada)
    shown_by.append(TEACHER)
    test = opened("train")
    stop = test.button(key=f"stop-{run_id}")
    shown_by.append(LOOKER)
    stop.click().run()
    assert lab.store.runs.get(run_id).status is Status.QUEUED


def test_the_stage_of_a_class_that_has_ended_shows_nothing(lab: Lab, shown_by: list[Person]) -> None:
    test = opened("stage")
    lab.classroom.end(by=TEACHER)
    shown_by.append(Person("somebody"))  # as the cookie says from now on
    assert "No class is on" in texts(test.run())
    lab.classroom.open(by=TEACHER)
    test = test.run()
    assert "A class is open here" in texts(test)


def test_a_scene_that_this_version_does_not_know_is_the_welcome(lab: Lab, shown_by: list[Person]) -> None:
    assert "Join the class" in on_stage(lab, "of-the-future", {"x": 1})


# The teacher's part


def steering() -> AppTest:
    st.cache_resource.clear()
    return healthy(page("class", part="Stage"))


def control(test: AppTest, label: str):
    return next(one for one in [*test.get("button_group"), *test.multiselect] if one.label == label)


def test_the_teacher_steers_from_the_class_page(lab: Lab, shown_by: list[Person]) -> None:
    shown_by.append(TEACHER)
    runs = [run_of(lab.store, joined(lab, name), "3x3", 1, 0.97) for name in ("Ada", "Bo")]
    (queued,) = lab.start(PRESETS["2x2"], by=TEACHER)
    test = steering()
    assert f"/watch/{lab.stage.token(by=TEACHER)}" in test.code[0].value
    control(test, "On the stage now").set_value("race").run()
    assert lab.stage.now(by=TEACHER).scene == "race"
    healthy(test)
    assert f"Run {runs[0]}: 3x3, seed 1, Ada (finished)" in test.multiselect[0].options
    test.multiselect[0].set_value(runs).run()
    control(healthy(test), "What is drawn").set_value("loss").run()
    control(healthy(test), "Up to").set_value("0.2").run()
    control(healthy(test), "Light or dark").set_value("dark").run()
    found = lab.stage.now(by=TEACHER)
    assert found.scheme == "dark"
    assert found.of("race") == {"runs": runs, "metric": "loss", "accuracy_from": 0, "loss_to": "0.2"}
    test.button(key="stage-active").click().run()
    assert lab.stage.now(by=TEACHER).of("race")["runs"] == [queued]
    control(healthy(test), "On the stage now").set_value("board").run()
    control(healthy(test), "Pupils by").set_value("names").run()
    control(healthy(test), "Cost").set_value("seconds").run()
    assert lab.stage.now(by=TEACHER).of("board") == {"who": "names", "cost": "seconds"}
    control(healthy(test), "On the stage now").set_value("front").run()
    control(healthy(test), "From").set_value(95).run()
    assert lab.stage.now(by=TEACHER).of("front") == {"cost": "parameters", "accuracy_from": 95}
    token = lab.stage.token(by=TEACHER)
    test.button(key="stage-renew").click().run()
    assert lab.stage.token(by=TEACHER) != token
    assert lab.stage.token(by=TEACHER) in healthy(test).code[0].value


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_can_be_chosen_and_is_drawn_for_a_looker_on(lab: Lab, shown_by: list[Person], name: str) -> None:
    pupil = joined(lab, "Ada")
    if name != "own-digits-wrong":  # for which an engine would have to answer; it is tried with one elsewhere
        lab.digits.keep(1, [[(0.5, 0.2), (0.5, 0.8)]], by=pupil)
    shown_by.append(TEACHER)
    test = healthy(control(steering(), "On the stage now").set_value(name).run())
    assert lab.stage.now(by=TEACHER).scene == name
    assert not test.error
    shown_by.append(LOOKER)
    assert not opened("stage").error
