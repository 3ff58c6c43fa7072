"""The Train page without a browser: what its buttons do to the queue, and what it shows of a run."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from mnist_lab.design.experiment import Experiment
from mnist_lab.design.presets import PRESETS
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.training.reports import Command, Report
from tests.builders.pages import healthy, metric, number, page, press
from tests.builders.plans import plan
from tests.builders.processes import ROOT
from tests.builders.runs import ADA, OUTCOME, epoch, point, trained


def in_queue(store: Store) -> list[int]:
    return [run.id for run in store.queue.active() if run.status is Status.QUEUED]


def texts(test: AppTest) -> str:
    said = [element.value for kind in (test.markdown, test.caption, test.warning) for element in kind]
    return "\n".join(said + [box.label for box in test.checkbox])


def test_a_run_in_training_is_paused_resumed_and_stopped(store: Store) -> None:
    store.lease.take("engine", "ready")
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    store.recording.record(run_id, epoch(1))
    test = press(page("train"), "Pause")
    assert store.runs.get(run_id).command is Command.PAUSE
    assert next(b for b in test.button if b.label == "Pausing…").disabled
    store.recording.pause(run_id)
    test = press(page("train", run=str(run_id)), "Resume")
    assert in_queue(store) == [run_id]
    store.queue.claim("engine")
    press(page("train"), "Stop training")
    assert store.runs.get(run_id).command is Command.STOP


def test_waiting_runs_are_moved_held_and_cancelled_and_say_when_their_turn_comes(store: Store) -> None:
    store.lease.take("engine", "ready")
    first, second, third, fourth = store.queue.add([PRESETS["3x3"]] * 4, "ada", [(50.0, 70.0)] * 4)
    store.queue.claim("engine")
    test = healthy(page("train"))
    assert "in about 60 s" in texts(test)
    assert "in about 2 min" in texts(test)
    test.button(key=f"Sooner-{third}").click().run()
    assert in_queue(store) == [third, second, fourth]
    assert test.button(key=f"Sooner-{third}").disabled
    test.button(key=f"Later-{third}").click().run()
    assert in_queue(store) == [second, third, fourth]
    test.button(key=f"pause-{fourth}").click().run()
    assert store.runs.get(fourth).status is Status.PAUSED
    test.button(key=f"stop-{second}").click().run()
    assert store.runs.get(second).status is Status.CANCELLED
    assert in_queue(store) == [third]
    assert store.runs.get(first).status is Status.RUNNING


def heading(test: AppTest) -> str:
    (head,) = test.header
    return f"{head.value}, {next(caption.value for caption in test.caption if caption.value.startswith('run '))}"


def overlaid(test: AppTest) -> list[int]:
    return next(box for box in test.multiselect if box.label == "Other runs in these charts").value


def links(test: AppTest) -> list[tuple[str, str]]:
    """Label and address of each link to Train on the page."""
    found = [link.proto for link in test.get("page_link")]
    return [(link.label, link.query_string) for link in found if link.query_string.startswith(("run", "follow"))]


def test_after_train_the_page_shows_what_one_started_and_not_what_trains_first(store: Store) -> None:
    store.lease.take("engine", "ready")
    store.queue.add([PRESETS["2x2"]] * 2, "bob", [(50.0, 70.0)] * 2)
    store.queue.claim("engine")
    test = AppTest.from_file(ROOT / "mnist_lab/ui/router.py", default_timeout=30).run()
    number(healthy(test), "× seeds").set_value(3).run()
    test.button(key="train.0").click().run()
    assert "3x3, run 3, seed 1" in heading(test)
    assert {name: test.query_params[name] for name in ("run", "runs")} == {"run": "3", "runs": "3,4,5"}
    (waiting,) = [bar.proto.text for bar in test.get("progress")]
    assert waiting == "Waiting: place 2 in the queue, begins in about 2 min"


def test_one_stays_with_ones_own_race_when_its_first_run_ends(store: Store) -> None:
    store.lease.take("engine", "ready")
    ids = store.queue.add([PRESETS["3x3"].with_changes(seed=seed) for seed in (1, 2, 3)], "ada")
    store.queue.add([PRESETS["2x2"]], "bob")
    for run_id in ids[:2]:
        store.queue.claim("engine")
        store.recording.record(run_id, Report([point(0), point(1)]))
        store.recording.record(run_id, epoch(1))
    test = page("train", run="1", runs="1,2,3")
    assert "3x3, run 1, seed 1" in heading(test)
    assert overlaid(test) == [2, 3]
    store.recording.finish(1, OUTCOME)
    store.queue.claim("engine")
    test.run()
    assert "3x3, run 1, seed 1" in heading(test)
    assert overlaid(test) == [2, 3]
    own = [(label, query) for label, query in links(test) if "runs=" in query]
    assert own == [("2: seed 2", "run=2&runs=1%2C2%2C3"), ("3: seed 3", "run=3&runs=1%2C2%2C3")]
    assert ("Follow whatever is training", "follow=now") in links(test)
    test.query_params["run"] = "2"
    assert "3x3, run 2, seed 2" in heading(test.run())
    assert overlaid(test) == [1, 3], "the ended one stays in the chart"
    store.labels.set([1], deleted=True)
    assert any("1: seed 1 (deleted)" in label for label, _ in links(healthy(test.run())))
    store.runs.purge(days=-1)
    assert "1 gone for good" in texts(healthy(test.run()))


def test_a_bare_address_stays_with_what_it_showed_first_and_follows_only_where_asked(store: Store) -> None:
    store.lease.take("engine", "ready")
    store.queue.add([PRESETS["3x3"], PRESETS["2x2"]], "ada")
    store.queue.claim("engine")
    test, follower = page("train"), page("train", follow="now")
    assert "3x3, run 1" in heading(test)
    assert "3x3, run 1" in heading(follower)
    store.recording.record(1, epoch(1))
    store.recording.finish(1, OUTCOME)
    store.queue.claim("engine")
    assert "3x3, run 1" in heading(test.run())
    assert "2x2, run 2" in heading(follower.run())
    assert ("Stay with run 2", "run=2") in links(follower)


def test_a_run_that_was_deleted_while_it_waited_says_so_and_waits_again_where_it_is_restored(store: Store) -> None:
    store.lease.take("engine", "ready")
    first, second = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    test = page("train", run=str(first))
    store.labels.set([first], deleted=True)
    assert "This run is deleted" in texts(healthy(test.run()))
    assert [bar.proto.text for bar in test.get("progress")] == ["Deleted while it waited"]
    press(test, "Restore")
    assert in_queue(store) == [first, second]
    assert [bar.proto.text for bar in test.get("progress")] == ["Waiting: it is next"]


@pytest.mark.parametrize("query", [{"runs": "1,x"}, {"run": "1", "runs": ""}, {"run": "-1"}, {"runs": "77"}])
def test_an_address_that_names_no_runs_is_a_sentence_and_shows_nobody_elses(store: Store, query: dict) -> None:
    store.queue.add([PRESETS["3x3"]], "ada")
    test = healthy(page("train", **query))
    assert len(test.error) == 1
    assert not test.subheader


def test_many_of_the_queue_are_chosen_held_resumed_and_cancelled_at_once(store: Store) -> None:
    store.lease.take("engine", "ready")
    (training,) = store.queue.add([PRESETS["2x2"]], "ada")
    mine = store.queue.add([PRESETS["3x3"]] * 25, "ada")
    theirs = store.queue.add([PRESETS["fast"]] * 3, "*bob*")
    store.queue.claim("engine")
    test = press(healthy(page("train")), "All 28")
    press(test, "Pause 28")
    assert in_queue(store) == []
    press(press(test, r"\*bob\*'s 3"), "Resume 3")
    assert in_queue(store) == theirs
    for run_id in theirs[:2]:
        next(box for box in test.checkbox if f"Run {run_id}:" in box.label).check().run()
    press(test, "Cancel 2 runs")
    assert [store.runs.get(i).status for i in theirs] == [Status.CANCELLED] * 2 + [Status.QUEUED]
    press(press(test, "ada's 25"), "Cancel 25 runs")
    assert {store.runs.get(i).status for i in mine} == {Status.CANCELLED}
    assert store.runs.get(training).command is Command.CONTINUE
    assert not [b for b in healthy(test).button if b.label.startswith(("Pause ", "Cancel ", "Resume "))]


def test_a_word_from_a_browser_that_has_not_drawn_all_ticked_yet_unticks_none(store: Store) -> None:
    store.lease.take("engine", "ready")
    store.queue.add([PRESETS["3x3"]] * 5, "ada")
    store.queue.claim("engine")
    test = healthy(page("train"))
    stale = test._tree.get_widget_states()  # with no box ticked
    press(test, "All 4")
    healthy(test._run(stale))
    assert "**4 chosen**" in texts(test)
    next(box for box in test.checkbox if "Run 3:" in box.label).uncheck().run()
    assert "**3 chosen**" in texts(healthy(test)), "the same word meant by a person counts"


def test_one_click_resumes_all_that_was_interrupted(store: Store) -> None:
    ids = store.queue.add([PRESETS["3x3"]] * 2, "ada")
    for run_id in ids:
        store.queue.claim("engine", only=[run_id])
        store.recording.end(run_id, Status.INTERRUPTED, "The disk was full.")
    press(page("train"), "Resume all 2")
    assert in_queue(store) == ids


def test_a_run_is_continued_as_a_new_one_from_the_epoch_and_with_the_recipe_chosen(store: Store) -> None:
    parent = trained(store)
    test = healthy(page("train", run=str(parent)))
    next(box for box in test.selectbox if box.label == "From the end of epoch").set_value(2).run()
    number(test, "Epochs").set_value(5).run()
    number(test, "Learning rate").set_value("0,25").run()
    press(test, "Queue it")
    child = store.runs.all()[0]
    assert (child.parent_id, child.parent_epoch) == (parent, 2)
    recipe = child.experiment.recipe
    assert (recipe.epochs, recipe.optimizer.learning_rate) == (5, 0.25)
    assert f"Continues run {parent} from epoch 2 on." in texts(healthy(page("train", run=str(child.id))))
    assert f"Continued by run {child.id}." in texts(healthy(page("train", run=str(parent))))


@pytest.mark.parametrize(
    ("label", "value", "words"), [("Epochs", 2, "more than the 3"), ("Batch size (images)", 0, "0")]
)
def test_a_recipe_that_cannot_go_on_is_a_sentence_and_queues_nothing(
    store: Store, label: str, value: int, words: str
) -> None:
    parent = trained(store)
    test = healthy(page("train", run=str(parent)))
    number(test, label).set_value(value).run()
    press(test, "Queue it")
    (error,) = [element.value for element in test.error]
    assert words in error
    assert len(store.runs.all()) == 1


def test_a_runs_design_opens_in_design(store: Store, small: Experiment) -> None:
    store.queue.add([small], "ada")
    store.queue.claim("engine")
    store.recording.finish(1, OUTCOME)
    test = press(page("train", run="1"), "To Design")
    assert "name" in test.session_state["history"].present
    assert test.session_state["history"].present["name"] == "small"


def test_the_slider_takes_the_pictures_back_and_goes_along_at_the_end(store: Store) -> None:
    store.lease.take("engine", "ready")
    (run_id,) = store.queue.add([PRESETS["3x3"]], "ada")
    store.queue.claim("engine")
    store.recording.record(run_id, epoch(1))
    assert "From the second epoch on, a slider leads through the epochs" in texts(healthy(page("train")))
    store.recording.record(run_id, epoch(2))
    test = healthy(page("train"))
    slider = test.slider[0]
    assert slider.value == 2
    store.recording.record(run_id, epoch(3))
    assert test.run().slider[0].value == 3, "it keeps up with training"
    test.slider[0].set_value(1).run()
    assert "after epoch 1" in texts(test)
    store.recording.record(run_id, epoch(4))
    assert healthy(test.run()).slider[0].value == 1, "it stays where a person put it"


def test_other_runs_are_drawn_in_the_same_charts(store: Store) -> None:
    for name in ("3x3", "2x2"):
        (run_id,) = store.queue.add([PRESETS[name]], "ada")
        store.queue.claim("engine")
        store.recording.record(run_id, Report([point(0), point(1)]))
        store.recording.record(run_id, epoch(1, 0.8125))
    test = healthy(page("train", run="1"))
    assert metric(test, "Learning rate") == "1"
    chosen = next(box for box in test.multiselect if box.label == "Other runs in these charts")
    assert chosen.options == ["Run 2: 2x2, seed 1"]
    chosen.set_value([2]).run()
    accuracy, loss = (chart.proto.alt for chart in healthy(test).get("vega_lite_chart")[:2])
    assert accuracy == (
        "Accuracy along epoch. 3x3: validation 81.25 % after epoch 1; training 50.00 %. "
        "2x2: validation 81.25 % after epoch 1; training 50.00 %."
    )
    assert loss.startswith("Loss along epoch. 3x3: validation ")


def test_early_stopping_says_which_epoch_was_kept_and_which_was_best(store: Store) -> None:
    (run_id,) = store.queue.add([PRESETS["fast"]], "ada")
    store.queue.claim("engine")
    for number_, accuracy in ((1, 0.8), (2, 0.7)):
        store.recording.record(run_id, epoch(number_, accuracy))
    store.recording.finish(run_id, replace(OUTCOME, kept_epoch=1))
    test = healthy(page("train", run=str(run_id)))
    assert metric(test, "Kept epoch") == "1"
    assert list(store.checkpoints.epochs(run_id)) == [1, 2], "best and last are both kept"


def test_a_study_is_one_line_of_the_queue_also_where_nothing_else_is(store: Store) -> None:
    lab = Lab(store.url)
    study_id = lab.studies.start(plan(question="Does *it* matter?"), by=ADA)

    def lines(test: AppTest) -> list[str]:
        return [m.value for m in healthy(test).markdown if f"Study {study_id}:" in m.value]

    (line,) = lines(page("train"))
    assert "Does \\*it\\* matter? · 0 of 9 runs ended · in about " in line
    lab.studies.hold(study_id, by=ADA)
    (line,) = lines(page("train"))
    assert line.endswith("0 of 9 runs ended · paused")
    lab.studies.cancel(study_id, by=ADA)
    assert lines(page("train")) == []
