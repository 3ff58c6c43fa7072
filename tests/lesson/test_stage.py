"""The stage: what the teacher puts there is checked, kept, and the same after a restart."""

import json
import threading
from contextlib import closing

import pytest

from mnist_lab.data import drawing, mnist
from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError
from mnist_lab.lab import Lab
from mnist_lab.lesson import stage
from mnist_lab.lesson.stage import Staged
from mnist_lab.store.store import Store
from tests.builders.classes import TEACHER, open_class
from tests.builders.runs import trained
from tests.builders.studies import small_plan

SURE = [0.1] * 10
IMAGE = drawing.as_text(mnist.load()[1].x[0])


@pytest.fixture
def lab(store: Store) -> Lab:
    open_class(store)
    return Lab(store.url)


def now(lab: Lab) -> Staged:
    found = lab.stage.now(by=TEACHER)
    assert found
    return found


def test_a_stage_begins_with_the_welcome_and_there_is_none_without_a_class(lab: Lab, store: Store) -> None:
    assert now(lab) == Staged(scene="welcome", scheme="system", data={})
    store.classes.end(store.classes.current().id)
    assert lab.stage.now(by=TEACHER) is None
    for do in (lambda: lab.stage.show("race", by=TEACHER), lambda: lab.stage.token(by=TEACHER)):
        with pytest.raises(InputError, match="Stage: there is none while no class is on"):
            do()


def test_each_scene_keeps_its_data_while_another_one_is_shown_and_a_restart_shows_the_same(
    lab: Lab, store: Store
) -> None:
    runs = [trained(store), trained(store)]
    lab.stage.show("race", {"runs": [*runs, runs[0]], "accuracy_from": 95}, by=TEACHER)
    lab.stage.light("dark", by=TEACHER)
    lab.stage.show("board", {"who": "names"}, by=TEACHER)
    lab.stage.show("race", by=TEACHER)
    with closing(Lab(store.url).store) as again:
        found = stage.Stage(again).now(by=TEACHER)
    assert found == now(lab)
    assert (found.scene, found.scheme) == ("race", "dark")
    assert found.of("race") == {"runs": runs, "metric": "accuracy", "accuracy_from": 95, "loss_to": "0.5"}
    assert found.of("board") == {"who": "names", "cost": "parameters"}
    assert found.of("welcome") == {"address": None}
    assert found.of("of-another-module") == {}


def test_a_drawing_is_kept_with_what_networks_said_of_it(lab: Lab, store: Store) -> None:
    answers = [{"run": trained(store), "epoch": 2, "probabilities": SURE}, {"run": 0, "probabilities": SURE}]
    lab.stage.show("drawing", {"image": IMAGE, "answers": answers}, by=TEACHER)
    assert now(lab).of("drawing") == {"image": IMAGE, "answers": [answers[0], {"run": 0, "epoch": None, **answers[1]}]}


@pytest.mark.parametrize(
    ("scene", "data", "words"),
    [
        ("race", {"runs": [9]}, "Run 9: it cannot be shown"),
        ("race", {"runs": [0]}, "received 0"),
        ("race", {"runs": [2**63]}, f"received {2**63}"),
        ("race", {"runs": list(range(1, 8))}, "Runs: "),
        ("race", {"runs": "all"}, "received 'all'"),
        ("race", {"metric": "test accuracy"}, "received 'test accuracy'"),
        ("race", {"accuracy_from": 55}, "received 55"),
        ("race", {"colour": "red"}, "Colour: is not known here"),
        ("board", {"who": "everybody"}, "received 'everybody'"),
        ("front", {"cost": "money"}, "received 'money'"),
        ("welcome", {"address": "x" * 201}, "Address: "),
        ("drawing", {"image": "abc"}, "should be 28×28 bytes as base64; received 'abc'"),
        ("drawing", {"image": IMAGE, "answers": [{"run": 9, "probabilities": SURE}]}, "Run 9: it cannot be shown"),
        ("drawing", {"image": IMAGE, "answers": [{"run": 0, "probabilities": [2.0] * 10}]}, "received 2.0"),
        ("drawing", {"image": IMAGE, "answers": [{"run": 0, "probabilities": [0.1]}]}, "Answers"),
        ("drawing", {"image": IMAGE, "answers": [{"run": 0, "probabilities": SURE}] * 5}, "Answers: "),
        ("of-another-module", {"words": "x" * 20_000}, "at most 20,000 bytes"),
        ("of-another-module", {"words": object()}, "should be plain data"),
        ("Not A Name", {}, "Not A Name"),
    ],
)
def test_what_a_scene_does_not_need_is_refused_in_a_sentence_and_changes_nothing(
    lab: Lab, scene: str, data: dict[str, object], words: str
) -> None:
    was = now(lab)
    with pytest.raises(InputError, match=words) as refused:
        lab.stage.show(scene, data, by=TEACHER)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 300
    assert now(lab) == was
    with pytest.raises(InputError, match="received 'pink'"):
        lab.stage.light("pink", by=TEACHER)


def test_scenes_are_not_added_without_end(lab: Lab) -> None:
    for number in range(20):
        lab.stage.show(f"scene-{'x' * number}", {}, by=TEACHER)
    with pytest.raises(InputError, match="Data: "):
        lab.stage.show("one-more", {}, by=TEACHER)
    assert len(now(lab).data) == 20


def test_runs_of_a_sealed_study_and_deleted_ones_are_not_put_on_the_stage(
    lab: Lab, store: Store, small: Experiment
) -> None:
    study = lab.studies.start(small_plan(small), by=TEACHER)
    (sealed, *_) = store.studies.unended(study)
    deleted = trained(store)
    lab.label([deleted], by=TEACHER, deleted=True)
    for run in (sealed, deleted):
        with pytest.raises(InputError, match=f"Run {run}: it cannot be shown, for it is deleted, sealed"):
            lab.stage.show("race", {"runs": [run]}, by=TEACHER)


def test_what_another_version_has_left_is_a_stage_as_new(lab: Lab, store: Store) -> None:
    room = store.classes.current().id
    for left in ("", "[]", '{"scene": 3}', json.dumps({"scene": "race", "data": {"race": {"runs": "all"}}})):
        store.stages.change(room, lambda before, left=left: left)
        assert now(lab).of("race")["runs"] == []
    lab.stage.show("board", by=TEACHER)
    assert now(lab).scene == "board"


def test_two_changes_at_once_are_both_kept(lab: Lab, store: Store) -> None:
    labs = [Lab(store.url) for _ in range(4)]
    scenes = ["one", "two", "three", "four"]
    threads = [
        threading.Thread(target=lambda one=one, scene=scene: one.stage.show(scene, {"x": 1}, by=TEACHER))
        for one, scene in zip(labs, scenes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(now(lab).data) == set(scenes)
    for one in labs:
        one.store.close()


def test_another_link_is_another_token_and_each_class_has_its_own(lab: Lab, store: Store) -> None:
    first = lab.stage.token(by=TEACHER)
    assert lab.stage.token(by=TEACHER) == first
    lab.stage.renew(by=TEACHER)
    second = lab.stage.token(by=TEACHER)
    store.classes.end(store.classes.current().id)
    open_class(store)
    assert len({first, second, lab.stage.token(by=TEACHER)}) == 3


def test_a_class_that_is_deleted_leaves_no_stage(lab: Lab, store: Store) -> None:
    room = store.classes.current().id
    lab.stage.show("board", by=TEACHER)
    store.classes.end(room)
    store.classes.delete(room)
    assert store.stages.get(room) is None
